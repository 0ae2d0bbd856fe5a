import {existsSync} from 'node:fs';
import {join, relative, resolve} from 'node:path';
import {
  readLabLinkStatistics,
  readLabStatus,
  setLabCloud,
  setLabLink,
  startLab,
  stopLab,
  type LabSpec,
  type LabState,
  type LabStatus,
} from '../lab/lab.ts';
import {requireOwnCores} from '../lab/ownCores/coreTaker.ts';
import {linkToCloudOf} from '../lab/labGateways.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {PROJECT_FILE} from '../workspace/projectFolder.ts';
import {bundleFolder} from '../workspace/runtimeFiles.ts';
import {writeLabProject, type Evaluation} from './labProject.ts';

/** Up to here the slowdown of devices that are stopped was measured to hold: docs/decisions/0009. */
const MOST_EXACT_SLOWDOWN = 10;

export interface LinkRate {
  readonly mbitPerSecond: number;
  readonly roundTripMs: number;
}

export interface LabUpRequest {
  readonly folder: string;
  readonly devices: readonly string[];
  readonly slowdown: number;
  readonly cores: number;
  /** Slow devices by taking their cores, which nothing else may use then; exact, and for root only. */
  readonly ownsCores?: boolean;
  readonly linkMbitPerSecond: number;
  readonly linkRoundTripMs: number;
  /** None when left out. */
  readonly gateways?: {
    readonly count: number;
    readonly slowdown: number;
    readonly cores: number;
    readonly deviceLink: LinkRate;
    readonly cloudLink: LinkRate;
    /** Whether devices reach the cloud past their gateway, too, over the link of a lab without gateways. */
    readonly isCloudDirect: boolean;
  };
  /** Write edgewise.yaml for this model, where there is none yet. */
  readonly modelFile?: string;
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly evaluation?: Evaluation;
}

export type {LabStatus} from '../lab/lab.ts';

export interface LabUpResult {
  readonly outcome: 'started' | 'already-running';
  readonly lab: LabState;
  /** The project that was written for it, or `null`. */
  readonly projectFile: string | null;
}

/**
 * Starts emulated devices, their link and a cloud on this machine, as a process that outlives this one.
 * @throws ExpectedError `lab-unsupported`, `lab-cores-unavailable`, `lab-spec-invalid`, `port-taken`, `project-exists`
 */
export async function labUp(request: LabUpRequest, emit: EmitEvent): Promise<LabUpResult> {
  const folder = resolve(request.folder);
  const projectFile = join(folder, PROJECT_FILE);
  if (request.modelFile !== undefined && existsSync(projectFile)) {
    throw new ExpectedError('project-exists', `${projectFile} is there already.`, EXIT.usage, {
      hints: ['edgewise lab up'],
    });
  }
  if (request.slowdown > MOST_EXACT_SLOWDOWN && request.ownsCores !== true)
    emit({
      kind: 'note',
      level: 'warning',
      text: `Above ${MOST_EXACT_SLOWDOWN} times a device's slowdown is not held within 10 %.`,
    });
  const directory = labDirectory(folder);
  const {gateways} = request;
  if (request.ownsCores === true)
    requireOwnCores(
      request.devices.length * request.cores + (gateways === undefined ? 0 : gateways.count * gateways.cores),
    );
  const spec: LabSpec = {
    devices: request.devices.map(name => ({name, slowdown: request.slowdown, cores: request.cores})),
    ...(gateways === undefined
      ? {}
      : {
          gateways: Array.from({length: gateways.count}, (_, index) => ({
            name: `gateway-${index + 1}`,
            slowdown: gateways.slowdown,
            cores: gateways.cores,
            deviceLink: gateways.deviceLink,
            cloudLink: gateways.cloudLink,
          })),
        }),
    ...(request.ownsCores === true ? {ownsCores: true} : {}),
    link: {mbitPerSecond: request.linkMbitPerSecond, roundTripMs: request.linkRoundTripMs},
    cloudCommand: [
      process.execPath,
      join(bundleFolder(), 'edgewise.mjs'),
      'serve',
      ...['--port', '{port}', '--model-repository', join(directory, 'cloud'), '--model-control', 'explicit'],
    ],
  };
  const started = await runStep(
    emit,
    'lab',
    'start the lab',
    () => startLab(spec, {directory}),
    ({kind}) => (kind === 'already-running' ? {outcome: 'skipped', detail: 'it is running'} : {}),
  );
  if (request.modelFile !== undefined) {
    await writeLabProject(projectFile, started.state, {
      modelFile: relative(folder, resolve(request.modelFile)),
      inputShapes: request.inputShapes ?? {},
      isCloudDirect: gateways?.isCloudDirect ?? true,
      ...(request.evaluation === undefined ? {} : {evaluation: request.evaluation}),
    });
  }
  return {
    outcome: started.kind,
    lab: started.state,
    projectFile: request.modelFile === undefined ? null : projectFile,
  };
}

export function labDown(folder: string): Promise<{readonly kind: 'stopped' | 'not-running'}> {
  return stopLab(labDirectory(resolve(folder)));
}

export function labStatus(folder: string): Promise<LabStatus> {
  return readLabStatus(labDirectory(resolve(folder)));
}

export interface LabLink {
  readonly upBitsPerSecond: number;
  readonly downBitsPerSecond: number;
  readonly roundTripMs: number;
  readonly isUp: boolean;
  /** Gone through since the lab started. */
  readonly upBytes: number;
  readonly downBytes: number;
}

/**
 * Changes what is given and tells how a link of the running lab is; without a name the one from devices to the cloud, as
 * `gateway-1` the one between that gateway and its devices, as `gateway-1-cloud` the one between it and the cloud.
 * @throws ExpectedError `lab-not-running`, `lab-request-failed`
 */
export async function labLink(
  folder: string,
  change: {mbitPerSecond?: number; roundTripMs?: number; isUp?: boolean},
  name?: string,
): Promise<LabLink> {
  const directory = labDirectory(resolve(folder));
  const {mbitPerSecond, ...others} = change;
  const rate = mbitPerSecond === undefined ? undefined : mbitPerSecond * 1e6;
  await setLabLink(
    directory,
    {...others, ...(rate === undefined ? {} : {upBitsPerSecond: rate, downBitsPerSecond: rate})},
    name,
  );
  const statistics = await readLabLinkStatistics(directory, name);
  const status = await readLabStatus(directory);
  if (status.kind !== 'running') {
    throw new ExpectedError('lab-not-running', `No lab is running in ${directory}.`, EXIT.commandFailed, {
      hints: ['edgewise lab up'],
    });
  }
  const {upBitsPerSecond, downBitsPerSecond, roundTripMs, isUp} = linkOfLab(status.state, name);
  const {upBytes = 0, downBytes = 0} = statistics ?? {};
  return {upBitsPerSecond, downBitsPerSecond, roundTripMs, isUp, upBytes, downBytes};
}

function linkOfLab({link, gateways = []}: LabState, name: string | undefined) {
  const below = gateways.find(gateway => gateway.name === name)?.deviceLink;
  const above = gateways.find(gateway => linkToCloudOf(gateway.name) === name)?.cloudLink;
  return below ?? above ?? link;
}

/** Stops or starts the running lab's cloud server. @throws ExpectedError `lab-not-running` */
export async function labCloud(folder: string, isRunning: boolean): Promise<void> {
  await setLabCloud(labDirectory(resolve(folder)), isRunning);
}

function labDirectory(folder: string): string {
  return join(folder, '.edgewise', 'lab');
}
