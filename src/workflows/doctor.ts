import type {Readiness, ReadinessCheck} from '../documents/readiness.ts';
import {ExpectedError} from '../errors.ts';
import {runStep, runStepOn, type EmitEvent} from '../events.ts';
import {hasProjectFile} from '../workspace/projectFolder.ts';
import type {ConnectOptions} from './connectDevice.ts';
import {examineDevice} from './examineDevice.ts';
import {examineCloud, examineHere} from './examineHere.ts';
import {openProject, selectDevices} from './openProject.ts';

/** As many devices are looked at at once; more would wait for one another's connections. */
const AT_ONCE = 16;

/**
 * Whether this machine, the project's cloud and its devices (or those named) are ready. Changes nothing. Without a project
 * only this machine is looked at; a project that cannot be read is a row, not an error.
 * @throws ExpectedError `unknown-device`
 */
export async function doctor(
  request: {
    readonly projectPath: string;
    readonly devices: readonly string[];
    readonly connect: ConnectOptions;
  },
  emit: EmitEvent,
): Promise<Readiness> {
  const checks: ReadinessCheck[] = await runStep(emit, 'here', 'look at this machine', examineHere);
  const project = await openIfReadable(request.projectPath, request.devices.length > 0, checks);
  if (project !== null) {
    checks.push(...(await examineCloud(project)));
    const devices = selectDevices(project.project, request.devices);
    const found = new Map<string, ReadinessCheck[]>();
    const waiting = [...devices];
    const worker = async (): Promise<void> => {
      for (let device = waiting.shift(); device !== undefined; device = waiting.shift()) {
        const {name} = device;
        const looked = device;
        const rows = await runStepOn(emit, name, 'doctor', 'look', () =>
          examineDevice(project, looked, request.connect),
        );
        found.set(name, rows);
      }
    };
    await Promise.all(Array.from({length: Math.min(AT_ONCE, devices.length)}, worker));
    for (const {name} of devices) checks.push(...(found.get(name) ?? []));
  }
  return {checks, isReady: checks.every(({verdict}) => verdict !== 'not-ready')};
}

async function openIfReadable(path: string, isNeeded: boolean, checks: ReadinessCheck[]) {
  if (!hasProjectFile(path) && !isNeeded) {
    checks.push({
      subject: 'project',
      what: 'project',
      verdict: 'warning',
      detail: 'there is no edgewise.yaml here, so no device is looked at',
      hint: 'edgewise doctor --project DIR',
    });
    return null;
  }
  try {
    const project = await openProject(path);
    const count = project.project.devices.length;
    const detail = `${project.file}, ${count} ${count === 1 ? 'device' : 'devices'}`;
    checks.push({subject: 'project', what: 'project', verdict: 'ready', detail, hint: null});
    return project;
  } catch (error) {
    if (!(error instanceof ExpectedError) || isNeeded) throw error;
    const hint = error.hints[0] ?? null;
    checks.push({subject: 'project', what: 'project', verdict: 'not-ready', detail: error.message, hint});
    return null;
  }
}
