import {
  BENCHMARK_TIMEOUT_MS,
  COMPILE_TIMEOUT_MS,
  MODEL_FILE,
  NO_MEASUREMENT,
  ReportUnreadable,
  type CompiledLatency,
  type CompilerJob,
  type Tool,
} from './compilerJob.ts';
import type {ElementType} from '../../documents/elementTypes.ts';
import type {TensorSpec} from '../../documents/tensor.ts';
import type {IreeProcessor} from './ireeProcessor.ts';
import {numberOf, recordsOf} from './readJson.ts';
import {summarizeLatencies} from './summarizeLatencies.ts';

const COMPILER_HINTS = [
  "python3 -m venv iree && iree/bin/pip install 'iree-base-compiler[onnx]' iree-base-runtime",
  'export PATH="$PWD/iree/bin:$PATH"',
];

export const IREE_IMPORT: Tool = {
  name: 'iree-import-onnx',
  programs: ['iree-import-onnx'],
  probe: ['--help'],
  parseVersion: () => undefined,
  hints: COMPILER_HINTS,
};

export const IREE_COMPILE: Tool = {
  name: 'iree-compile',
  programs: ['iree-compile'],
  probe: ['--version'],
  parseVersion: output => /IREE compiler version (\S+)/.exec(output)?.[1],
  hints: COMPILER_HINTS,
};

export const IREE_BENCHMARK: Tool = {
  name: 'iree-benchmark-module',
  programs: ['iree-benchmark-module'],
  probe: ['--help'],
  parseVersion: () => undefined,
  hints: COMPILER_HINTS,
};

const MODULE = 'model.vmfb';
const IMPORTED = 'model.mlir';
/** Enough for a median, each long enough to be the mean of many short runs. */
const REPETITIONS = 10;
const SECONDS_PER_REPETITION = 0.2;

export interface IreeOptions {
  readonly processor: IreeProcessor;
  /** To be timed where it was compiled: the function, which has the ONNX graph's name, and its inputs. */
  readonly benchmark: {readonly graphName: string; readonly inputs: readonly TensorSpec[]} | null;
}

/**
 * Compiles ahead of time for one named processor; without its name IREE's code is for any processor, and slow.
 * @see https://iree.dev/guides/deployment-configurations/cpu; 3.13 was run
 */
export function ireeJob({processor, benchmark}: IreeOptions): CompilerJob {
  const {cpu, features, triple, reason} = processor;
  return {
    calls: [
      {
        tool: IREE_IMPORT,
        title: 'import into IREE',
        // The importer knows quantised operators in their form of opset 17 and later.
        args: () => [MODEL_FILE, '--opset-version', '17', '-o', IMPORTED],
        timeoutMs: COMPILE_TIMEOUT_MS,
      },
      {
        tool: IREE_COMPILE,
        title: `compile for ${cpu}`,
        args: () => [
          IMPORTED,
          '--iree-hal-target-device=local',
          '--iree-hal-local-target-device-backends=llvm-cpu',
          ...(triple === null ? [] : [`--iree-llvmcpu-target-triple=${triple}`]),
          `--iree-llvmcpu-target-cpu=${cpu}`,
          ...(features.length === 0
            ? []
            : [`--iree-llvmcpu-target-cpu-features=${features.map(feature => `+${feature}`).join(',')}`]),
          '--iree-opt-level=O2',
          ...['-o', MODULE],
        ],
        timeoutMs: COMPILE_TIMEOUT_MS,
      },
      ...(benchmark === null
        ? []
        : [
            {
              tool: IREE_BENCHMARK,
              title: 'time with iree-benchmark-module',
              args: () => [
                `--module=${MODULE}`,
                '--device=local-task',
                `--function=${benchmark.graphName}`,
                ...benchmark.inputs.map(input => `--input=${wordsOf(input)}=0`),
                `--benchmark_repetitions=${REPETITIONS}`,
                `--benchmark_min_time=${SECONDS_PER_REPETITION}s`,
                '--benchmark_format=json',
              ],
              timeoutMs: BENCHMARK_TIMEOUT_MS,
            },
          ]),
    ],
    artefacts: ['.vmfb'],
    reports: [],
    readMeasurement: ({stdout}) =>
      benchmark === null ? NO_MEASUREMENT : {latency: latencyFromBenchmark(stdout[2] ?? ''), layers: []},
    choice: {decision: `compiled for the processor ${[cpu, ...features].join(' + ')}`, reason},
  };
}

/** The importer keeps signs apart from types, and booleans in bytes. What is not here it does not import. */
const ELEMENT_WORDS: Partial<Record<ElementType, string>> = {
  float64: 'f64',
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  int64: 'i64',
  uint64: 'i64',
  int32: 'i32',
  uint32: 'i32',
  int16: 'i16',
  uint16: 'i16',
  int8: 'i8',
  uint8: 'i8',
  bool: 'i8',
};

/** `1x3x32x32xf32`; a single number has no shape before its type. */
function wordsOf({elementType, shape}: TensorSpec): string {
  return [...shape, ELEMENT_WORDS[elementType] ?? elementType].join('x');
}

const UNITS_PER_MS: Readonly<Record<string, number>> = {s: 0.001, ms: 1, us: 1000, ns: 1e6};

/** From Google Benchmark's JSON: each repetition is the mean of its iterations. @throws ReportUnreadable */
export function latencyFromBenchmark(json: string): CompiledLatency | null {
  const name = 'iree-benchmark-module';
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch {
    throw new ReportUnreadable(name, 'it printed no JSON');
  }
  const list = typeof read === 'object' && read !== null && 'benchmarks' in read ? read.benchmarks : null;
  return summarizeLatencies(
    recordsOf(list, name)
      .filter(one => one['run_type'] === 'iteration')
      .map(one => {
        const unit = typeof one['time_unit'] === 'string' ? one['time_unit'] : '';
        return numberOf(one, 'real_time', name) / (UNITS_PER_MS[unit] ?? 1);
      }),
  );
}
