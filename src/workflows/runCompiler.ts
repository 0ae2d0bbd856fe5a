import {randomBytes} from 'node:crypto';
import type {Machine} from '../device/machine.ts';
import {lastLines} from '../device/commandOutput.ts';
import {describeArgv} from '../device/quoteArgv.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {
  ReportUnreadable,
  type CompilerJob,
  type CompilerMeasurement,
  type JobFolders,
  type Tool,
} from '../targets/compilers/compilerJob.ts';
import {withDeviceLock} from './deploy/deviceLock.ts';
import {whenInterrupted} from './interruption.ts';
import {requireSuccess} from './deploy/runOnDevice.ts';

/** A file of this machine that the compiler reads, under its name in the work folder. */
export interface CompilerInput {
  readonly name: string;
  readonly path: string;
}

export interface CompiledFile {
  /** Relative to the compiler's work folder. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface CompilerResult {
  readonly artefacts: readonly CompiledFile[];
  readonly measurement: CompilerMeasurement;
  /** Of the tools that told one, by name. */
  readonly versions: ReadonlyMap<string, string>;
}

export interface FoundTool {
  readonly program: string;
  readonly version: string | undefined;
}

const PROBE_TIMEOUT_MS = 60_000;
/** What a shell answers for a program that is not there, or is none. */
const NOT_FOUND = [126, 127];
/** OpenVINO's tools report what they are used for to Intel, except in CI jobs. See decision 6. */
const WITHOUT_TELEMETRY = ['env', 'CI=true'];
const RUN_IN_FOLDER = ['sh', '-c', 'cd "$1" && shift && exec "$@"', 'edgewise-compiler'];

/**
 * Runs a vendor's compiler on a machine: this one or a device. The files are brought there, and the results fetched; the
 * work folder is taken away again, whatever happens.
 * @throws ExpectedError `compiler-missing` before anything is sent, `compiler-failed` with the tool's last lines,
 * `device-locked`, `device-unreachable`, `disk-full`, `command-timed-out`
 */
export async function runCompiler(
  machine: Machine,
  job: CompilerJob,
  inputs: readonly CompilerInput[],
  emit: EmitEvent,
): Promise<CompilerResult> {
  // On a device nothing else may run while it measures.
  if (machine.address === 'local') return compileOn(machine, job, inputs, emit);
  return withDeviceLock(machine, () => compileOn(machine, job, inputs, emit));
}

async function compileOn(
  machine: Machine,
  job: CompilerJob,
  inputs: readonly CompilerInput[],
  emit: EmitEvent,
): Promise<CompilerResult> {
  const tools = await findTools(machine, job);
  const folders = await makeFolders(machine);
  const clean = async (): Promise<void> => {
    await machine.run(['rm', '-rf', folders.work]).catch(() => {});
  };
  try {
    return await whenInterrupted(clean, async () => {
      for (const {name, path} of inputs) await machine.upload({path}, `${folders.work}/${name}`);
      const stdout: string[] = [];
      for (const [index, call] of job.calls.entries()) {
        const program = tools.get(call.tool)?.program ?? call.tool.name;
        const work = async (): Promise<string> => {
          const argv = [program, ...call.args(folders)];
          const result = await machine.run([...RUN_IN_FOLDER, folders.work, ...WITHOUT_TELEMETRY, ...argv], {
            timeoutMs: call.timeoutMs,
          });
          if (result.exitStatus === 0) return result.stdout;
          const how = result.exitStatus === null ? `signal ${result.signal}` : `status ${result.exitStatus}`;
          throw failed(
            machine,
            call.tool,
            `${describeArgv(argv)} ended with ${how}`,
            result.stderr || result.stdout,
          );
        };
        stdout.push(await runStep(emit, `compiler-${index}`, `${machine.name}: ${call.title}`, work));
      }
      const names = await listFiles(machine, folders.work);
      const reports = new Map<string, string>();
      for (const name of job.reports.filter(report => names.includes(report)))
        reports.set(name, new TextDecoder().decode(await machine.download(`${folders.work}/${name}`)));
      const artefacts: CompiledFile[] = [];
      for (const name of names.filter(file => isArtefact(job, file)))
        artefacts.push({name, bytes: await machine.download(`${folders.work}/${name}`)});
      const last = job.calls.at(-1);
      if (last !== undefined && artefacts.length === 0)
        throw failed(
          machine,
          last.tool,
          `it wrote no ${job.artefacts.join(' or ')} file`,
          stdout.at(-1) ?? '',
        );
      return {
        artefacts,
        measurement: readMeasurement(machine, job, {stdout, reports}),
        versions: versionsOf(tools),
      };
    });
  } finally {
    await clean();
  }
}

/**
 * Where each of the job's tools is on the machine.
 * @throws ExpectedError `compiler-missing` with how to get it, `compiler-failed` when one does not start
 */
export async function findTools(machine: Machine, {calls}: CompilerJob): Promise<Map<Tool, FoundTool>> {
  const tools = new Map<Tool, FoundTool>();
  for (const tool of new Set(calls.map(call => call.tool))) tools.set(tool, await findTool(machine, tool));
  return tools;
}

/** The first of the tool's places where it answers. @throws ExpectedError `compiler-missing`, `compiler-failed` */
async function findTool(machine: Machine, tool: Tool): Promise<FoundTool> {
  for (const program of tool.programs) {
    const argv = [program, ...tool.probe];
    const result = await machine.run([...WITHOUT_TELEMETRY, ...argv], {timeoutMs: PROBE_TIMEOUT_MS});
    if (result.exitStatus === 0)
      return {program, version: tool.parseVersion(`${result.stdout}\n${result.stderr}`)};
    // A Python that lacks a library is there and yet is not the tool.
    const isThere = !NOT_FOUND.includes(result.exitStatus ?? 0) && !/ModuleNotFoundError/.test(result.stderr);
    if (isThere)
      throw failed(machine, tool, `${describeArgv(argv)} does not start`, result.stderr || result.stdout);
  }
  throw new ExpectedError(
    'compiler-missing',
    `${tool.name} is not on ${machine.name}; looked for ${tool.programs.join(', ')}.`,
    EXIT.commandFailed,
    {hints: tool.hints},
  );
}

async function makeFolders(machine: Machine): Promise<JobFolders> {
  const script = 'mkdir -p "$1" "$2" && cd "$1" && pwd -P && cd - >/dev/null && cd "$2" && pwd -P';
  const work = `.edgewise/work/compiler-${randomBytes(6).toString('hex')}`;
  const made = requireSuccess(
    machine,
    await machine.run(['sh', '-c', script, 'sh', work, '.edgewise/cache']),
  );
  const [workPath, cachePath] = made.stdout.trim().split('\n');
  if (workPath === undefined || cachePath === undefined) throw new Error(`${machine.name} told no folder`);
  return {work: workPath, cache: cachePath};
}

async function listFiles(machine: Machine, folder: string): Promise<string[]> {
  const found = requireSuccess(machine, await machine.run(['find', folder, '-type', 'f']));
  return found.stdout
    .split('\n')
    .filter(path => path !== '')
    .map(path => path.slice(folder.length + 1))
    .sort();
}

function isArtefact({artefacts}: CompilerJob, file: string): boolean {
  return artefacts.some(ending => file.endsWith(ending));
}

function readMeasurement(
  machine: Machine,
  job: CompilerJob,
  output: Parameters<CompilerJob['readMeasurement']>[0],
): CompilerMeasurement {
  try {
    return job.readMeasurement(output);
  } catch (error) {
    const last = job.calls.at(-1);
    if (!(error instanceof ReportUnreadable) || last === undefined) throw error;
    throw failed(
      machine,
      last.tool,
      `its report cannot be read (${error.message})`,
      output.stdout.at(-1) ?? '',
    );
  }
}

function versionsOf(tools: ReadonlyMap<Tool, FoundTool>): Map<string, string> {
  return new Map(
    [...tools].flatMap(([{name}, {version}]) => (version === undefined ? [] : [[name, version]])),
  );
}

function failed(machine: Machine, tool: Tool, what: string, said: string): ExpectedError {
  const lines = lastLines(said);
  return new ExpectedError(
    'compiler-failed',
    `${tool.name} on ${machine.name}: ${what}${lines === '' ? '.' : `; it last said:\n${lines}`}`,
    EXIT.commandFailed,
  );
}
