import {spawn} from 'node:child_process';
import {openSync, closeSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {resolve} from 'node:path';
import {createInterface} from 'node:readline';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {EXIT, ExpectedError, type ExitCode} from '../errors.ts';
import type {DaemonReport} from './daemon.ts';
import {readStartTime, sendSignal} from './deviceProcesses.ts';
import {askLab, controlSocketPath} from './labControl.ts';
import {labPaths, makePrivateFolder, readLabState} from './labFiles.ts';
import {endMarkedProcesses, labMarker} from './labProcesses.ts';
import {labSpecSchema, type LabSpec, type LabState} from './labSpec.ts';
import type {LinkConditions, LinkStatistics} from './linkConditions.ts';
import {siblingModule} from './siblingModule.ts';

export type {LabSpec, LabState} from './labSpec.ts';

export type LabStatus =
  | {readonly kind: 'running'; readonly state: LabState}
  | {readonly kind: 'stopped'}
  /** The daemon ended without being told to; `startLab` and `stopLab` clean up after it. */
  | {readonly kind: 'died'; readonly state: LabState};

export interface LabStart {
  /** `already-running`: nothing was changed, whatever the spec said. */
  readonly kind: 'started' | 'already-running';
  readonly state: LabState;
}

const START_TIMEOUT_MS = 45_000;
const STATE_TIMEOUT_MS = 2000;
const STOP_TIMEOUT_MS = 20_000;
const LOOK_EVERY_MS = 20;

/**
 * Starts the lab of `directory` as a process of its own that outlives this one; a second start changes nothing.
 * @throws ExpectedError `lab-unsupported`, `lab-spec-invalid`, `port-taken`, `lab-cloud-failed`, `lab-failed`
 */
export async function startLab(spec: LabSpec, options: {readonly directory: string}): Promise<LabStart> {
  const directory = resolve(options.directory);
  checkSpec(spec);
  const status = await readLabStatus(directory);
  if (status.kind === 'running') return {kind: 'already-running', state: status.state};
  if (status.kind === 'died') await cleanUpDeadLab(directory, status.state);

  const untilMs = performance.now() + START_TIMEOUT_MS;
  do {
    await makePrivateFolder(directory);
    const {kind} = await launchDaemon(directory, spec);
    const state = await waitForState(directory);
    if (state !== null) return {kind, state};
    // The one that was there first was just going down, or did not come up.
  } while (performance.now() < untilMs);
  throw new ExpectedError(
    'lab-failed',
    `A lab is being started or stopped in ${directory}, and that did not end within ${START_TIMEOUT_MS / 1000} s.`,
    EXIT.commandFailed,
    {hints: [`Look into ${labPaths(directory).log}.`]},
  );
}

/** `null`: no lab came up within a moment. */
async function waitForState(directory: string): Promise<LabState | null> {
  for (let waitedMs = 0; waitedMs < STATE_TIMEOUT_MS; waitedMs += LOOK_EVERY_MS) {
    const status = await readLabStatus(directory);
    if (status.kind === 'running') return status.state;
    await delay(LOOK_EVERY_MS);
  }
  return null;
}

/** Stops the lab of `directory` with everything its devices started; what is on the devices' disks stays. */
export async function stopLab(directory: string): Promise<{readonly kind: 'stopped' | 'not-running'}> {
  const status = await readLabStatus(directory);
  if (status.kind === 'stopped') return {kind: 'not-running'};
  if (status.kind === 'running') await askDaemonToStop(directory, status.state);
  await cleanUpDeadLab(directory, status.state);
  return {kind: 'stopped'};
}

export async function readLabStatus(directory: string): Promise<LabStatus> {
  const state = await readLabState(resolve(directory));
  if (state === null) return {kind: 'stopped'};
  return isDaemonAlive(state) ? {kind: 'running', state} : {kind: 'died', state};
}

/**
 * Changes a link of the running lab: rates, delay, or the plug. Without a name the one from devices to the cloud.
 * @throws ExpectedError `lab-not-running`, `lab-request-failed`
 */
export async function setLabLink(
  directory: string,
  change: Partial<LinkConditions>,
  link?: string,
): Promise<void> {
  await ask(directory, {kind: 'set-link', change, ...(link === undefined ? {} : {link})});
}

/**
 * Stops or starts the running lab's cloud server.
 * @throws ExpectedError `lab-not-running`, `lab-request-failed`
 */
export async function setLabCloud(directory: string, isRunning: boolean): Promise<void> {
  await ask(directory, {kind: 'set-cloud', isRunning});
}

/** What has gone through the link so far; `null` in a lab without a cloud. */
export async function readLabLinkStatistics(
  directory: string,
  link?: string,
): Promise<LinkStatistics | null> {
  const request = {kind: 'read-statistics', ...(link === undefined ? {} : {link})} as const;
  return (await ask(directory, request)) as LinkStatistics | null;
}

async function ask(directory: string, request: Parameters<typeof askLab>[1]): Promise<unknown> {
  const answer = await askLab(resolve(directory), request, STOP_TIMEOUT_MS);
  if (answer !== null) return answer.result;
  throw new ExpectedError('lab-not-running', `No lab is running in ${directory}.`, EXIT.commandFailed, {
    hints: ['Run edgewise lab up.'],
  });
}

function checkSpec(spec: LabSpec): void {
  if (process.platform !== 'linux') {
    throw new ExpectedError(
      'lab-unsupported',
      `The lab needs Linux; this is ${process.platform}.`,
      EXIT.unsupported,
    );
  }
  const parsed = labSpecSchema.safeParse(spec);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map(({path, message}) => `${path.join('.')}: ${message}`);
  const names = [...spec.devices, ...(spec.gateways ?? [])].map(({name}) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) problems.push(`devices: ${repeated} is there twice`);
  if (problems.length === 0) return;
  throw new ExpectedError(
    'lab-spec-invalid',
    `The lab cannot be set up like this: ${problems.join('; ')}.`,
    EXIT.usage,
  );
}

function isDaemonAlive(state: LabState): boolean {
  return readStartTime(state.pid) === state.startTime;
}

async function launchDaemon(
  directory: string,
  spec: LabSpec,
): Promise<{kind: 'started' | 'already-running'}> {
  const report = await readDaemonReport(directory, spec);
  if (report.kind !== 'failed') return report;
  if (report.code !== null) {
    throw new ExpectedError(report.code, report.message, report.exitCode as ExitCode, {hints: report.hints});
  }
  throw new ExpectedError('lab-failed', `The lab did not start: ${report.message}`, EXIT.commandFailed, {
    hints: [`Look into ${labPaths(directory).log}.`],
  });
}

async function readDaemonReport(directory: string, spec: LabSpec): Promise<DaemonReport> {
  const log = openSync(labPaths(directory).log, 'a', 0o600);
  const child = spawn(
    process.execPath,
    [fileURLToPath(siblingModule(import.meta.url, 'daemon')), directory, JSON.stringify(spec)],
    {
      cwd: directory,
      detached: true,
      stdio: ['ignore', 'pipe', log],
    },
  );
  closeSync(log);
  const {stdout} = child;
  if (stdout === null) throw new Error('the daemon was started without a stdout');
  try {
    return await new Promise<DaemonReport>((resolve, reject) => {
      createInterface({input: stdout}).once('line', line => resolve(JSON.parse(line) as DaemonReport));
      child.once('error', reject);
      child.once('exit', (status, signal) =>
        resolve({
          kind: 'failed',
          code: null,
          message: `its process ended with ${signal ?? `status ${String(status)}`}`,
          hints: [],
          exitCode: EXIT.commandFailed,
        }),
      );
    });
  } finally {
    stdout.destroy();
    child.unref();
  }
}

async function askDaemonToStop(directory: string, state: LabState): Promise<void> {
  try {
    await askLab(resolve(directory), {kind: 'stop'}, STOP_TIMEOUT_MS);
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
  }
  for (let waitedMs = 0; isDaemonAlive(state); waitedMs += LOOK_EVERY_MS) {
    // It answered, or nobody listens any more: then it is on its way out, or it hangs.
    if (waitedMs === 2000) sendSignal(state.pid, 'SIGTERM');
    if (waitedMs >= 5000) sendSignal(state.pid, 'SIGKILL');
    await delay(LOOK_EVERY_MS);
  }
}

async function cleanUpDeadLab(directory: string, state: LabState): Promise<void> {
  await endMarkedProcesses(labMarker(state.id));
  await rm(controlSocketPath(directory), {force: true});
  await rm(labPaths(resolve(directory)).state, {force: true});
}
