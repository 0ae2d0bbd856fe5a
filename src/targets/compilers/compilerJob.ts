/** A program of somebody else: how to find it, and how to get it. */
export interface Tool {
  readonly name: string;
  /** Where to look, in this order: a plain name in PATH, a path as it is. */
  readonly programs: readonly string[];
  /** With these arguments it does nothing and ends with status 0. */
  readonly probe: readonly string[];
  /** From what it prints then, stdout before stderr; `undefined` when it does not tell. */
  readonly parseVersion: (output: string) => string | undefined;
  /** What to do when it is missing. */
  readonly hints: readonly string[];
}

/** Folders on the machine where the tools run, as absolute paths. Tools run inside `work`, which is made for one job. */
export interface JobFolders {
  readonly work: string;
  /** Outlives the job. */
  readonly cache: string;
}

export interface ToolCall {
  readonly tool: Tool;
  /** What is said while it runs. */
  readonly title: string;
  readonly args: (folders: JobFolders) => readonly string[];
  readonly timeoutMs: number;
}

/** What a vendor's compiler is asked to do with an ONNX file that lies in the work folder. Pure data, run elsewhere. */
export interface CompilerJob {
  /** In order; the first that fails ends the job. */
  readonly calls: readonly ToolCall[];
  /** Endings of the files that are the result: `.xml`, `.bin`. */
  readonly artefacts: readonly string[];
  /** Files that are read after the last call. */
  readonly reports: readonly string[];
  /** @throws ReportUnreadable */
  readonly readMeasurement: (output: JobOutput) => CompilerMeasurement;
  /** What was chosen about the machine that it is for, for the build document; left out when there was no choice. */
  readonly choice?: CompilerChoice;
}

export interface CompilerChoice {
  readonly decision: string;
  readonly reason: string;
}

export interface JobOutput {
  /** What each call wrote to stdout. */
  readonly stdout: readonly string[];
  /** Text of the reports that were there, by name. */
  readonly reports: ReadonlyMap<string, string>;
}

export interface CompilerMeasurement {
  /** `null` when the job only compiles. */
  readonly latency: CompiledLatency | null;
  /** As the vendor's runtime fused them; empty when it does not tell. */
  readonly layers: readonly CompiledLayer[];
}

/** Of one request, as the vendor's own benchmark measured it. */
export interface CompiledLatency {
  readonly medianMs: number;
  readonly meanMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly runs: number;
}

export interface CompiledLayer {
  readonly name: string;
  readonly operator: string;
  /** The kernel, with the type it computes in where the vendor tells; else ''. */
  readonly kernel: string;
  readonly ms: number;
}

/** A report is not what this version of edgewise reads. */
export class ReportUnreadable extends Error {
  constructor(report: string, what: string) {
    super(`${report}: ${what}`);
    this.name = 'ReportUnreadable';
  }
}

export const NO_MEASUREMENT: CompilerMeasurement = {latency: null, layers: []};

/** The ONNX file's name in the work folder. */
export const MODEL_FILE = 'model.onnx';

/** The longest that a compiler may take: TensorRT tries kernels for an hour on small boards. */
export const COMPILE_TIMEOUT_MS = 2 * 3_600_000;
export const BENCHMARK_TIMEOUT_MS = 600_000;
