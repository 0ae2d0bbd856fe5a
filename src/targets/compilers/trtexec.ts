import {
  BENCHMARK_TIMEOUT_MS,
  COMPILE_TIMEOUT_MS,
  MODEL_FILE,
  type CompiledLayer,
  type CompilerJob,
  type Tool,
} from './compilerJob.ts';
import {numberOf, readJson, recordsOf} from './readJson.ts';
import {summarizeLatencies} from './summarizeLatencies.ts';

export const TRTEXEC: Tool = {
  name: 'trtexec',
  programs: [
    'trtexec',
    '/usr/src/tensorrt/bin/trtexec',
    '/usr/local/tensorrt/bin/trtexec',
    '/opt/tensorrt/bin/trtexec',
  ],
  probe: ['--help'],
  parseVersion: output => {
    const packed = Number(/\[TensorRT v(\d+)\]/.exec(output)?.[1]);
    return Number.isNaN(packed) ? undefined : unpackVersion(packed);
  },
  hints: [
    'On a Jetson: sudo apt-get install libnvinfer-bin',
    'Elsewhere it is in the bin folder of the TensorRT archive; put that into PATH',
  ],
};

const ENGINE = 'model.engine';
const TIMES = 'times.json';
const PROFILE = 'profile.json';
const LAYERS = 'layers.json';

export interface TrtexecOptions {
  /** Of TensorRT; from 11 on every precision is in the ONNX file and the flags for it are gone. */
  readonly major: number;
  readonly precision: 'fp32' | 'fp16' | 'int8';
  /** Weights of which two in four are zero may be multiplied by the sparse tensor cores of Ampere and later. */
  readonly isSparse: boolean;
  readonly seconds: number;
}

/**
 * Builds an engine and times it, both on the device: an engine runs only where it was built.
 * @see https://github.com/NVIDIA/TensorRT/tree/main/samples/trtexec and samples/common/sampleOptions.cpp at 10.13 and 11.1
 */
export function trtexecJob({major, precision, isSparse, seconds}: TrtexecOptions): CompilerJob {
  const isStronglyTyped = major >= 11;
  const lower = {fp32: [], fp16: ['--fp16'], int8: ['--int8', '--fp16']}[precision];
  return {
    calls: [
      {
        tool: TRTEXEC,
        title: 'build the TensorRT engine',
        args: ({cache}) => [
          `--onnx=${MODEL_FILE}`,
          `--saveEngine=${ENGINE}`,
          // Kernels that were timed once on this device need not be timed again.
          `--timingCacheFile=${cache}/tensorrt-${major}.cache`,
          '--skipInference',
          '--profilingVerbosity=detailed',
          ...(isStronglyTyped ? [] : lower),
          ...(isSparse ? ['--sparsity=enable'] : []),
        ],
        timeoutMs: COMPILE_TIMEOUT_MS,
      },
      {
        tool: TRTEXEC,
        title: 'time the TensorRT engine',
        args: () => [
          `--loadEngine=${ENGINE}`,
          `--duration=${seconds}`,
          `--exportTimes=${TIMES}`,
          `--exportProfile=${PROFILE}`,
          `--exportLayerInfo=${LAYERS}`,
          // A request brings its inputs and wants its outputs; from 11 on that is left out unless asked for.
          ...(isStronglyTyped ? ['--includeDataTransfers'] : ['--separateProfileRun']),
        ],
        timeoutMs: BENCHMARK_TIMEOUT_MS + seconds * 1000,
      },
    ],
    artefacts: ['.engine'],
    reports: [TIMES, PROFILE, LAYERS],
    readMeasurement: ({reports}) => ({
      latency: summarizeLatencies(
        recordsOf(readJson(reports, TIMES), TIMES).map(one => numberOf(one, 'latencyMs', TIMES)),
      ),
      layers: layersFromProfile(readJson(reports, PROFILE), readJson(reports, LAYERS)),
    }),
  };
}

/** Two digits each of minor and patch; before 10 only one of minor: 8502 is 8.5.2, 101300 is 10.13.0. */
function unpackVersion(packed: number): string {
  const [major, rest] =
    packed >= 100_000
      ? [Math.floor(packed / 10_000), packed % 10_000]
      : [Math.floor(packed / 1000), packed % 1000];
  return `${major}.${Math.floor(rest / 100)}.${rest % 100}`;
}

/**
 * Average time of each layer, with the kernel and its output type from the layer information, which has one entry per
 * layer of detailed engines and names alone otherwise. @throws ReportUnreadable
 */
export function layersFromProfile(profile: unknown, layerInformation: unknown): CompiledLayer[] {
  const details = detailsByName(layerInformation);
  return recordsOf(profile, PROFILE).flatMap(record => {
    // The first entry is the number of runs.
    if (typeof record['name'] !== 'string') return [];
    const {name} = record;
    const known = details.get(name);
    return [
      {
        name,
        operator: known?.operator ?? '',
        kernel: known?.kernel ?? '',
        ms: numberOf(record, 'averageMs', PROFILE),
      },
    ];
  });
}

function detailsByName(information: unknown): Map<string, Pick<CompiledLayer, 'operator' | 'kernel'>> {
  const layers =
    typeof information === 'object' && information !== null && 'Layers' in information
      ? information.Layers
      : [];
  return new Map(
    recordsOf(layers, LAYERS).map(layer => {
      const textOf = (key: string): string => (typeof layer[key] === 'string' ? layer[key] : '');
      const [output] = Array.isArray(layer['Outputs']) ? recordsOf(layer['Outputs'], LAYERS) : [];
      const format = output?.['Format/Datatype'] ?? output?.['Format'];
      const kernel = [textOf('TacticName'), typeof format === 'string' ? format : '']
        .filter(Boolean)
        .join(', ');
      return [textOf('Name'), {operator: textOf('LayerType'), kernel}];
    }),
  );
}
