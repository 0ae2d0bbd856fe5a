import {ExpectedError} from '../errors.ts';
import {listenForControl, type ControlRequest} from './labControl.ts';
import {labPaths, readLabState} from './labFiles.ts';
import {labSpecSchema} from './labSpec.ts';
import {runLab, type RunningLab} from './runningLab.ts';

// The lab's process: `daemon <directory> <spec as JSON>`, started by startLab with its log as stderr. The first and only line on stdout
// says how the start went; whoever started it need not stay.

export type DaemonReport =
  | {readonly kind: 'started'}
  | {readonly kind: 'already-running'}
  | {
      readonly kind: 'failed';
      readonly code: string | null;
      readonly message: string;
      readonly hints: readonly string[];
      readonly exitCode: number;
    };

const directory = process.argv[2] ?? '';
const writeLog = (line: string): void => console.error(`${new Date().toISOString()} ${line}`);

const FOLDER_LOOK_MS = 1000;

let running: RunningLab | null = null;
let stopping: Promise<void> | null = null;

const control = await listenForControl(directory, answer);
if (control === null) report({kind: 'already-running'});
else {
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  process.on('SIGHUP', () => {});
  try {
    const spec = labSpecSchema.parse(JSON.parse(process.argv[3] ?? ''));
    running = await runLab(directory, spec, writeLog);
    writeLog(`up: ${running.state.devices.map(({name, port}) => `${name} on port ${port}`).join(', ')}`);
    report({kind: 'started'});
    watchFolder();
  } catch (error) {
    writeLog(error instanceof Error ? (error.stack ?? error.message) : String(error));
    const {code, hints, exitCode} =
      error instanceof ExpectedError ? error : {code: null, hints: [], exitCode: 70};
    report({
      kind: 'failed',
      code,
      message: error instanceof Error ? error.message : String(error),
      hints,
      exitCode,
    });
    control.close();
  }
}

async function answer(request: ControlRequest): Promise<unknown> {
  switch (request.kind) {
    case 'stop':
      await stop();
      return null;
    case 'set-link':
      await running?.setLink(request.change, request.link);
      return null;
    case 'set-cloud':
      await running?.setCloud(request.isRunning);
      return null;
    case 'read-statistics':
      return (await running?.readStatistics(request.link)) ?? null;
  }
}

/** A lab whose folder was removed, or taken by another one, can no longer be told to stop: it ends by itself. */
function watchFolder(): void {
  const timer = setInterval(() => {
    void readLabState(directory).then(state => {
      if (state?.pid === process.pid || stopping !== null) return;
      writeLog(`${labPaths(directory).state} is no longer this lab's`);
      void stop();
    });
  }, FOLDER_LOOK_MS);
  timer.unref();
}

/** Everything ends, and with nothing left to wait for so does this process. */
function stop(): Promise<void> {
  stopping ??= (async () => {
    await running?.close();
    writeLog('down');
    control?.close();
  })();
  return stopping;
}

function report(line: DaemonReport): void {
  process.stdout.on('error', () => {});
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
