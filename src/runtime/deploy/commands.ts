import {z} from 'zod';
import {messageOf} from '../../errors.ts';
import {
  choiceFrom,
  homeFrom,
  numberFrom,
  print,
  textFrom,
  usageError,
  type RuntimeCommand,
} from '../flagValues.ts';
import {startDetachedSupervisor, superviseAgent, type SupervisedProgram} from '../supervise.ts';
import {admitRelease} from './admitRelease.ts';
import {applyDeltas, deltaRequests} from './applyDeltas.ts';
import {confirmSwitch} from './confirmSwitch.ts';
import {pruneReleases} from './pruneReleases.ts';
import {revertSwitch, rollBack} from './revertSwitch.ts';
import {switchRelease} from './switchRelease.ts';
import {watchSwitch} from './watchSwitch.ts';

const string = {type: 'string'} as const;
const boolean = {type: 'boolean'} as const;
const MAX_INPUT_BYTES = 2 ** 20;
const handedOver = z.object({envelope: z.unknown(), publicKey: z.string()});

/** What a controller asks of the device, one command per step, and what sees to it that it goes on; answers are JSON. */
export const DEPLOY_COMMANDS: Record<string, RuntimeCommand> = {
  patch: {
    options: {home: string},
    async run(values) {
      const requests = deltaRequests.safeParse(await readInput());
      if (!requests.success)
        throw usageError('patch wants [{"base", "delta", "target", "sizeBytes"}] on its standard input.');
      print(await applyDeltas(homeFrom(values), requests.data));
    },
  },
  admit: {
    options: {home: string, fence: string, runtime: string, 'pins-again': boolean, 'takes-bad': boolean},
    async run(values) {
      const signed = handedOver.safeParse(await readInput());
      if (!signed.success) throw usageError('admit wants {"envelope", "publicKey"} on its standard input.');
      const options = {
        fence: numberFrom(values, 'fence', 0, 1),
        runtimeHex: textFrom(values, 'runtime'),
        pinsAgain: values['pins-again'] === true,
        takesBad: values['takes-bad'] === true,
      };
      print(await admitRelease(homeFrom(values), signed.data, options));
    },
  },
  switch: {
    options: {
      home: string,
      release: string,
      runtime: string,
      transaction: string,
      fence: string,
      'confirm-within-ms': string,
    },
    async run(values) {
      print(
        await switchRelease(homeFrom(values), {
          release: textFrom(values, 'release'),
          runtimeHex: textFrom(values, 'runtime'),
          transaction: textFrom(values, 'transaction'),
          fence: numberFrom(values, 'fence', 0, 1),
          confirmWithinMs: numberFrom(values, 'confirm-within-ms', 0, 1),
        }),
      );
    },
  },
  confirm: {
    options: {home: string, transaction: string, keep: string},
    async run(values) {
      const home = homeFrom(values);
      const confirmed = await confirmSwitch(home, textFrom(values, 'transaction'));
      // In the same process, which takes longer to start than this. What is confirmed stays so, whatever becomes of it.
      if (values['keep'] !== undefined)
        await pruneReleases(home, numberFrom(values, 'keep', 0, 1)).catch(report);
      print(confirmed);
    },
  },
  revert: {
    options: {home: string, transaction: string, kind: string, reason: string},
    async run(values) {
      const transaction = values['transaction'] === undefined ? null : textFrom(values, 'transaction');
      const kind = choiceFrom(values, 'kind', ['unhealthy', 'unconfirmed'] as const, 'unhealthy');
      print(await revertSwitch(homeFrom(values), {transaction, kind, reason: textFrom(values, 'reason')}));
    },
  },
  'roll-back': {
    options: {home: string, reason: string},
    async run(values) {
      print(await rollBack(homeFrom(values), {reason: textFrom(values, 'reason')}));
    },
  },
  supervise: {
    options: {program: string, home: string, foreground: boolean, 'cloud-deadline-ms': string},
    async run(values) {
      const home = homeFrom(values);
      const name = 'cloud-deadline-ms';
      const agentArguments =
        values[name] === undefined ? [] : [`--${name}`, String(numberFrom(values, name, 0, 1))];
      const program = choiceFrom<SupervisedProgram>(values, 'program', ['agent', 'gateway'], 'agent');
      if (values['foreground'] !== true) print(await startDetachedSupervisor(home, agentArguments, program));
      else {
        const result = await superviseAgent(home, agentArguments, program);
        if (result !== null) print({pid: result.alreadyRunning, isNew: false});
      }
    },
  },
  watch: {
    options: {home: string},
    async run(values) {
      // The terminal and the connection that started it may go.
      process.on('SIGHUP', () => {});
      await watchSwitch(homeFrom(values), report);
    },
  },
};

function report(problem: unknown): void {
  process.stderr.write(`${messageOf(problem)}\n`);
}

/** Endless input ends here. */
async function readInput(): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of process.stdin) {
    sizeBytes += (chunk as Buffer).length;
    if (sizeBytes > MAX_INPUT_BYTES) throw usageError(`The input is larger than ${MAX_INPUT_BYTES} bytes.`);
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
