import type {Link, ModelTimes} from '../../../src/documents/profile.ts';
import type {
  LayerRow,
  LinkMeasurements,
  PlacementMeasurements,
  TensorRow,
} from '../../../src/placement/measurements.ts';

const BUILD = `sha256:${'a'.repeat(64)}`;

/** Name, operator, shape of the output, weights by shape, milliseconds on a small board and in the cloud. */
const ROWS: readonly [string, string, readonly number[], readonly (readonly number[])[], number, number][] = [
  ['scale', 'Mul', [1, 3, 32, 32], [[1]], 0.04, 0.01],
  ['conv1', 'Conv', [1, 32, 32, 32], [[32, 3, 3, 3], [32]], 9.6, 0.8],
  ['relu1', 'Relu', [1, 32, 32, 32], [], 0.4, 0.02],
  ['pool1', 'MaxPool', [1, 32, 16, 16], [], 0.9, 0.06],
  ['conv2', 'Conv', [1, 64, 16, 16], [[64, 32, 3, 3], [64]], 21.5, 1.7],
  ['relu2', 'Relu', [1, 64, 16, 16], [], 0.2, 0.01],
  ['pool2', 'MaxPool', [1, 64, 8, 8], [], 0.45, 0.03],
  ['flatten', 'Flatten', [1, 4096], [], 0.01, 0.005],
  ['dense1', 'Gemm', [1, 128], [[4096, 128], [128]], 5.2, 0.35],
  ['relu3', 'Relu', [1, 128], [], 0.004, 0.002],
  ['dense2', 'Gemm', [1, 10], [[128, 10], [10]], 0.03, 0.004],
  ['softmax', 'Softmax', [1, 10], [], 0.02, 0.004],
];

const outputOf = (index: number): string => `${ROWS[index]![0]}_out`;

const layers = ROWS.map(([name, operator, , weights], index): LayerRow => ({
  name,
  operator,
  inputs: [index === 0 ? 'image' : outputOf(index - 1), ...weights.map((_, at) => `${name}_weight${at}`)],
  outputs: [outputOf(index)],
}));

const row = (name: string, shape: readonly number[], rest: Partial<TensorRow> = {}): TensorRow => ({
  name,
  elementType: 'float32',
  shape,
  isInput: false,
  isOutput: false,
  isWeight: false,
  ...rest,
});

const tensors: TensorRow[] = [
  row('image', [1, 3, 32, 32], {isInput: true}),
  ...ROWS.flatMap(([name, , shape, weights], index) => [
    ...weights.map((weight, at) => row(`${name}_weight${at}`, weight, {isWeight: true})),
    row(outputOf(index), shape, {isOutput: index === ROWS.length - 1}),
  ]),
];

export const SESSION_OVERHEAD_MS = 0.3;

function timesFrom(column: 4 | 5, overheadMs: number): ModelTimes {
  const sum = ROWS.reduce((total, entry) => total + entry[column], 0);
  return {
    build: BUILD,
    threads: column === 4 ? 4 : 16,
    wholeRun: {medianMs: sum, spreadMs: 0.1, runs: 50, obtained: 'measured'},
    layers: ROWS.map(entry => ({name: entry[0], operator: entry[1], ms: entry[column]})),
    requestOverhead: {medianMs: overheadMs, spreadMs: 0.05, runs: 50, obtained: 'measured'},
    sessionOverhead: {medianMs: SESSION_OVERHEAD_MS, spreadMs: 0.05, runs: 50, obtained: 'measured'},
  };
}

/** Of one device and one cloud; `cloud` and `link` are `null` where there is none. */
export interface ArticleChanges extends Partial<Omit<PlacementMeasurements, 'tiers' | 'links'>> {
  readonly device?: ModelTimes;
  readonly cloud?: ModelTimes | null;
  readonly link?: Link | null;
  readonly cutCosts?: NonNullable<LinkMeasurements['cutCosts']>;
}

export const ARTICLE_DEVICE = timesFrom(4, 0.6);
export const ARTICLE_CLOUD = timesFrom(5, 0.2);
export const ARTICLE_LINK: Link = {
  to: 'cloud',
  fixedMs: 8,
  roundTripMs: 7.5,
  upBytesPerSecond: 2_500_000,
  downBytesPerSecond: 5_000_000,
  residualMs: 0.2,
  samples: 40,
  obtained: 'measured',
};

/** The article's network (32×32 pictures, two convolutions, two dense layers) on a board of a Raspberry Pi's speed. */
export function articleMeasurements(changes: ArticleChanges = {}): PlacementMeasurements {
  const {device = ARTICLE_DEVICE, cloud = ARTICLE_CLOUD, link = ARTICLE_LINK, cutCosts, ...rest} = changes;
  return {
    build: BUILD,
    layers,
    tensors,
    tiers: [
      {tier: 'device', machine: 'pi', times: device},
      ...(cloud === null ? [] : [{tier: 'cloud' as const, machine: 'cloud', times: cloud}]),
    ],
    links:
      link === null
        ? []
        : [{from: 'device', to: 'cloud', link, ...(cutCosts === undefined ? {} : {cutCosts})}],
    constraints: {keepRawInputOnDevice: false, pins: []},
    tainted: new Set(['image', 'scale_out']),
    ...rest,
  };
}
