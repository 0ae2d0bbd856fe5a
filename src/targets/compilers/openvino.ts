import {
  BENCHMARK_TIMEOUT_MS,
  COMPILE_TIMEOUT_MS,
  MODEL_FILE,
  ReportUnreadable,
  type CompiledLatency,
  type CompiledLayer,
  type CompilerJob,
  type Tool,
} from './compilerJob.ts';

const HINTS = [
  'python3 -m venv openvino && openvino/bin/pip install openvino',
  'export PATH="$PWD/openvino/bin:$PATH"',
];

export const OVC: Tool = {
  name: 'ovc',
  programs: ['ovc'],
  probe: ['--version'],
  parseVersion: output => /\(ovc\)\s+(\d+\.\d+\.\d+)/.exec(output)?.[1],
  hints: HINTS,
};

export const BENCHMARK_APP: Tool = {
  name: 'benchmark_app',
  programs: ['benchmark_app'],
  probe: ['-h'],
  parseVersion: () => undefined,
  hints: HINTS,
};

const COUNTERS = 'benchmark_average_counters_report.csv';
const STATISTICS = 'benchmark_report.csv';

export interface OpenvinoOptions {
  /** Weights in half precision, which is what ovc does unless told otherwise. */
  readonly isHalfPrecision: boolean;
  /** What is left in float is computed in this; `null` leaves it to the processor, which may take bfloat16. */
  readonly floatPrecision: 'f32' | null;
  /** Element type of the inputs, in OpenVINO's words; without it benchmark_app feeds pictures as bytes. */
  readonly inputType: 'f32' | 'f16' | 'u8' | 'i8' | 'i32' | 'i64';
  readonly seconds: number;
}

/**
 * Converts to OpenVINO's own format and times single requests on the CPU.
 * @see https://docs.openvino.ai/2026, "Benchmark Tool" and "Conversion Parameters"; 2026.4 was run
 */
export function openvinoJob(options: OpenvinoOptions): CompilerJob {
  const {isHalfPrecision, floatPrecision, inputType, seconds} = options;
  return {
    calls: [
      {
        tool: OVC,
        title: 'convert for OpenVINO',
        args: () => [
          MODEL_FILE,
          ...['--output_model', 'model.xml'],
          `--compress_to_fp16=${isHalfPrecision ? 'True' : 'False'}`,
        ],
        timeoutMs: COMPILE_TIMEOUT_MS,
      },
      {
        tool: BENCHMARK_APP,
        title: 'time with benchmark_app',
        args: ({work}) => [
          ...['-m', 'model.xml', '-d', 'CPU', '-hint', 'latency', '-t', String(seconds)],
          ...['-ip', inputType],
          ...(floatPrecision === null ? [] : ['-infer_precision', floatPrecision]),
          ...['-report_type', 'average_counters', '-report_folder', work],
        ],
        timeoutMs: BENCHMARK_TIMEOUT_MS + seconds * 1000,
      },
    ],
    artefacts: ['.xml', '.bin'],
    reports: [COUNTERS, STATISTICS],
    readMeasurement: ({stdout, reports}) => ({
      latency: latencyFromBenchmarkApp(stdout[1] ?? '', reports.get(STATISTICS) ?? ''),
      layers: layersFromCounters(reports.get(COUNTERS) ?? ''),
    }),
  };
}

const UNITS_PER_MS: Readonly<Record<string, number>> = {s: 0.001, ms: 1, us: 1000, ns: 1e6};

/**
 * From the summary on the console, whose digits suffice for models of a few microseconds; older versions print none of
 * some lines, then from the statistics report, which has two digits of milliseconds.
 * @throws ReportUnreadable
 */
export function latencyFromBenchmarkApp(console: string, statistics: string): CompiledLatency {
  const cells = new Map(
    statistics.split('\n').map(line => [line.split(';')[0] ?? '', line.split(';')[1] ?? '']),
  );
  const runs = Number(
    /^\[ INFO \] Count:\s+(\d+) iterations/m.exec(console)?.[1] ?? cells.get('total number of iterations'),
  );
  const msOf = (word: string, cell: string): number => {
    const found = new RegExp(`^\\[ INFO \\]\\s+${word}:\\s+([\\d.]+) (s|ms|us|ns)\\s*$`, 'm').exec(console);
    return found === null ? Number(cells.get(cell)) : Number(found[1]) / (UNITS_PER_MS[found[2] ?? ''] ?? 1);
  };
  const latency: CompiledLatency = {
    medianMs: msOf('Median', 'latency (ms)'),
    meanMs: msOf('Average', 'avg latency'),
    minMs: msOf('Min', 'min latency'),
    maxMs: msOf('Max', 'max latency'),
    runs,
  };
  if (!Object.values(latency).every(Number.isFinite))
    throw new ReportUnreadable('benchmark_app', 'it printed no latencies');
  return latency;
}

/** Of what has none: layers that became part of others, and what only stands for an input, an output or a view. */
const NO_KERNEL = /^(undef|unknown_.*|)$/;

/**
 * Layers that were run, with the kernel and the type it computed in: "brgconv_avx512_amx_I8" for instance. What took less than
 * half a microsecond is reported as not run, though it has a kernel.
 * @throws ReportUnreadable
 */
export function layersFromCounters(csv: string): CompiledLayer[] {
  const [header = '', ...lines] = csv.split('\n');
  const columns = header.split(';');
  const placeOf = (column: string): number => columns.indexOf(column);
  const [name, status, type, kernel, time] = [
    placeOf('layerName'),
    placeOf('execStatus'),
    placeOf('layerType'),
    placeOf('execType'),
    placeOf('realTime (ms)'),
  ];
  if ([name, status, type, kernel, time].includes(-1))
    throw new ReportUnreadable(COUNTERS, `it has the columns ${header}`);
  return lines.flatMap(line => {
    const cells = line.split(';');
    const isTimed = cells[status]?.endsWith('EXECUTED') === true;
    if (!isTimed && NO_KERNEL.test(cells[kernel] ?? '')) return [];
    return [
      {
        name: cells[name] ?? '',
        operator: cells[type] ?? '',
        kernel: cells[kernel] ?? '',
        ms: Number(cells[time]),
      },
    ];
  });
}
