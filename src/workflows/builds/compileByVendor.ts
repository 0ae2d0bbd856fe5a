import type {Machine} from '../../device/machine.ts';
import type {MeasuredMs} from '../../documents/profile.ts';
import type {ElementType} from '../../documents/elementTypes.ts';
import type {EmitEvent} from '../../events.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {inputSpecs} from '../../model/inputSpecs.ts';
import type {CompiledLatency} from '../../targets/compilers/compilerJob.ts';
import {compilerJobFor} from '../../targets/compilers/compilerJobFor.ts';
import type {OpenvinoOptions} from '../../targets/compilers/openvino.ts';
import type {CandidateBuild, Target} from '../../targets/target.ts';
import {writeCompilerInputs, type CalibrationSamples} from '../compilerInputs.ts';
import type {ConnectOptions} from '../connectDevice.ts';
import {openModel} from '../openModel.ts';
import type {OpenProject} from '../openProject.ts';
import {runCompiler, type CompilerResult} from '../runCompiler.ts';
import type {CompiledCandidate, CompileJob} from './compileJob.ts';
import {withMachine, type VendorCompiler} from './findVendorCompiler.ts';
import {openJobSamples} from './openJobSamples.ts';
import type {BuildTimes} from './timeBuilds.ts';

/** A file that the vendor's compiler made of a candidate, in the project's store. */
export interface VendorFile {
  /** `.xml`, say: what follows the build's name. */
  readonly ending: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface VendorBuilds {
  readonly machine: string;
  /** With their versions, where they tell one: `ovc 2026.4.1`. */
  readonly tools: readonly string[];
  /** By candidate, of those that were compiled. */
  readonly artefacts: ReadonlyMap<string, readonly VendorFile[]>;
  /** In the order of the rivals; `null` when the compiler does not measure. */
  readonly times: BuildTimes | null;
}

export interface VendorTask {
  readonly project: OpenProject;
  readonly target: Target;
  readonly compiler: Extract<VendorCompiler, {kind: 'found'}>;
  readonly job: CompileJob;
  /** fp32 first, then as in the recipe. */
  readonly rivals: readonly CompiledCandidate[];
  readonly connect: ConnectOptions;
}

/** How long a vendor's benchmark runs. */
const BENCHMARK_SECONDS = 5;

/**
 * Runs the target's compiler on the rivals and keeps what it makes. Where its times tell about the target it gets all of
 * them; else only the one that the recipe prefers.
 * @throws ExpectedError `compiler-failed`, and as runCompiler
 */
export async function compileByVendor(task: VendorTask, emit: EmitEvent): Promise<VendorBuilds> {
  const {project, target, compiler, rivals, connect} = task;
  const {candidates, onRequest = []} = target.recipe;
  const offered = new Map([...candidates, ...onRequest].map(candidate => [candidate.name, candidate]));
  const [preferred] = rivals.length > 1 ? rivals.slice(1) : rivals;
  const wanted = rivals.filter(rival => compiler.isTiming || rival === preferred);
  const results = new Map<string, CompilerResult>();
  const machine = await withMachine(project, compiler.device, connect, async there => {
    for (const rival of wanted) {
      const candidate = offered.get(rival.pruning?.unpruned ?? rival.name);
      if (candidate !== undefined)
        results.set(rival.name, await compileOne(task, rival, candidate, there, emit));
    }
    return there.name;
  });
  const artefacts = new Map<string, readonly VendorFile[]>();
  for (const [name, {artefacts: files}] of results) {
    const kept: VendorFile[] = [];
    for (const file of files) {
      kept.push({
        ending: file.name.slice(file.name.lastIndexOf('.')),
        digest: await project.store.put([file.bytes]),
        sizeBytes: file.bytes.byteLength,
      });
    }
    artefacts.set(name, kept);
  }
  const latencies = rivals.map(({name}) => results.get(name)?.measurement.latency ?? null);
  const [first] = results.values();
  return {
    machine,
    tools: [...(first?.versions ?? [])].map(([tool, version]) => `${tool} ${version}`),
    artefacts,
    times: compiler.isTiming ? timesOf(machine, latencies) : null,
  };
}

async function compileOne(
  {project, target, compiler, job}: VendorTask,
  rival: CompiledCandidate,
  candidate: CandidateBuild,
  machine: Machine,
  emit: EmitEvent,
): Promise<CompilerResult> {
  const path = project.store.pathOf(rival.digest);
  const opened = openModel(path);
  const inputs = inputSpecs(graphFromModel(opened.model));
  const graphName = opened.model.graph.name;
  opened.close();
  const compilerJob = compilerJobFor(target, candidate, {
    facts: compiler.facts,
    inputType: OPENVINO_TYPES[inputs[0]?.elementType ?? 'float32'] ?? 'f32',
    isSparse: (rival.pruning?.sparseLayers.length ?? 0) > 0,
    seconds: BENCHMARK_SECONDS,
    isForThisMachine: compiler.isForThisMachine,
    graphName,
    inputs,
  });
  if (compilerJob === null) throw new Error(`${target.name} has no compiler`);
  // The only one that quantises by itself.
  const samples = compiler.name === 'rknn' ? await openJobSamples(job, inputs, null) : null;
  try {
    const calibration: CalibrationSamples | null =
      samples === null
        ? null
        : {count: samples.calibrationRequests, read: index => samples.learning.readRequest(index)};
    const names = inputs.map(({name}) => name);
    const files = await writeCompilerInputs(compiler.name, path, names, calibration, job.temporaryFolder);
    return await runCompiler(machine, compilerJob, files, emit);
  } finally {
    await samples?.close();
  }
}

const OPENVINO_TYPES: Partial<Record<ElementType, OpenvinoOptions['inputType']>> = {
  float32: 'f32',
  float16: 'f16',
  uint8: 'u8',
  int8: 'i8',
  int32: 'i32',
  int64: 'i64',
};

function timesOf(machine: string, latencies: readonly (CompiledLatency | null)[]): BuildTimes | null {
  const measured = latencies.filter(latency => latency !== null);
  const [original] = measured;
  if (original === undefined || measured.length < latencies.length) return null;
  return {
    machine,
    times: measured.map(latency => ({
      run: measuredMsFrom(latency),
      ratioToFirst: latency.medianMs / original.medianMs,
    })),
  };
}

/** Vendors tell extremes and no deviation: the spread is how far the quickest run is from the median. */
function measuredMsFrom({medianMs, minMs, runs}: CompiledLatency): MeasuredMs {
  return {medianMs, spreadMs: medianMs - minMs, runs, obtained: 'measured'};
}
