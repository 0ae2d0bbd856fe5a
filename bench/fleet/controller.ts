// A rollout in a process of its own, whose time and memory are measured. Its only argument is a file with the order.
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {connectMachine} from '../../src/device/connectMachine.ts';
import {completePolicy} from '../../src/documents/rolloutPolicy.ts';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import {ignoreEvents} from '../../src/events.ts';
import {planWaves} from '../../src/rollout/planWaves.ts';
import {driveRollout} from '../../src/workflows/rollout/driveRollout.ts';
import {lookAtFleet} from '../../src/workflows/rollout/lookAtFleet.ts';
import type {WithMachine} from '../../src/workflows/rollout/heldSession.ts';
import {openSshHands} from '../../src/workflows/rollout/sshHands.ts';
import {createJournal} from '../../src/workspace/rolloutJournal.ts';
import {collectRuntimeFiles} from '../../src/workspace/runtimeFiles.ts';
import {readSigningKey} from '../../src/workspace/signingKey.ts';
import {openStore} from '../../src/workspace/store.ts';
import {composeAdding} from '../../test/integration/deployDevice.ts';
import {floats} from '../../test/integration/smallModels.ts';

const WAVES = [1, '10%', '100%'];

export interface FleetMember {
  readonly name: string;
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHostsFile: string;
  /** Where its agent is to serve; `null`: emulated, so that there is nobody to ask. */
  readonly endpointPort: number | null;
}

export interface FleetOrder {
  readonly workshop: string;
  readonly weightsFile: string;
  readonly constant: number;
  readonly maxParallel: number;
  readonly members: readonly FleetMember[];
}

export interface FleetResult {
  readonly outcome: string;
  readonly reason: string;
  readonly confirmed: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

const order = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as FleetOrder;
const startedMs = performance.now();
const {workshop, constant, members} = order;
const key = await readSigningKey(join(workshop, 'key.pem'));
if (key === null) throw new Error('the workshop has no key');
const store = openStore(join(workshop, 'store'));
const runtime = await collectRuntimeFiles(process.arch === 'arm64' ? 'arm64' : 'x64');
const weights = [await readFile(order.weightsFile)];
const zeros = floats([1, 4], [0, 0, 0, 0]);

const fleet = members.map(member => {
  const {name, port, user, identityFile, knownHostsFile} = member;
  const withMachine: WithMachine = async work => {
    const machine = await connectMachine(
      {name, address: '127.0.0.1', port, user, identityFile},
      {acceptNewHostKeys: false, configFile: 'none', knownHostsFile, environment: {HOME: workshop}},
    );
    try {
      return await work(machine);
    } finally {
      await machine.close();
    }
  };
  return {...member, device: name, withMachine};
});
const folder = await mkdtemp(join(tmpdir(), 'edgewise-fleet-journal-'));
const id = `r-fleet-${constant}`;
const journal = await createJournal(join(folder, `${id}.ndjson`), {
  ...writeHeader('rollout', {version: 'bench', now: new Date(), madeFrom: {}}),
  id,
  policy: completePolicy({
    waves: WAVES,
    maxParallel: order.maxParallel,
    maxUnavailable: '100%',
    soakSeconds: 0.2,
    // Fleet and controller share two cores here: their speed is not what is judged.
    gates: {p95ToPrevious: 1000, memoryToPrevious: 100, minSamples: 20},
  }),
  devices: planWaves(
    fleet.map(({device}) => ({
      device,
      hardwareClass: 'x',
      plan: `sha256:${'0'.repeat(64)}`,
      isReachable: true,
    })),
    WAVES,
    id,
  ).map(({device, hardwareClass, plan, wave}) => ({device, hardwareClass, plan, wave})),
});
const seen = await lookAtFleet(fleet);
const hands = fleet.map(({device, endpointPort, withMachine}) => {
  const opened = openSshHands({
    device,
    rollout: id,
    wave: journal.rollout.devices.find(each => each.device === device)?.wave ?? 1,
    knownRollout: seen.get(device)?.truth?.rollout?.rollout ?? null,
    withMachine,
    options: {},
    prepare: async () => ({
      store,
      composed: await composeAdding({store, runtime}, constant, {
        port: endpointPort ?? 9000,
        madeSecond: constant,
        device,
        weights,
      }),
      runtime,
      key,
      golden:
        endpointPort === null
          ? []
          : [{inputs: {x: zeros}, outputs: {y: floats([1, 4], new Array<number>(4).fill(constant))}}],
      tolerance: 0.01,
      predictedMs: null,
      gates: completePolicy().gates,
      keepCount: 3,
      withNewConnection: withMachine,
      confirmWithinMs: 300_000,
    }),
  });
  return [device, opened] as const;
});
const state = await driveRollout(journal, new Map(hands), ignoreEvents);
const {userCPUTime, systemCPUTime, maxRSS} = process.resourceUsage();
const result: FleetResult = {
  outcome: state.ended?.outcome ?? 'not ended',
  reason: state.ended?.reason ?? '',
  confirmed: [...state.devices.values()].filter(({phase}) => phase === 'confirmed').length,
  seconds: (performance.now() - startedMs) / 1000,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  peakBytes: maxRSS * 1024,
};
await rm(folder, {recursive: true});
console.log(JSON.stringify(result));
