import {EXIT, ExpectedError} from '../errors.ts';
import {protocolNameFromElementType} from '../documents/elementTypes.ts';
import type {ElementType} from '../documents/elementTypes.ts';
import type {Tier} from '../documents/plan.ts';
import {matchesPattern} from '../documents/namePattern.ts';
import {layerTimesFromProfile} from './layerTimes.ts';
import {bytesOfTensor, twoTiersOf} from './measurements.ts';
import type {
  LayerRow,
  LinkMeasurements,
  PlacementConstraints,
  PlacementMeasurements,
  TensorRow,
} from './measurements.ts';
import type {PlacementProblem, ProblemLayer, ProblemLink, ProblemTensor} from './problem.ts';

const NS_PER_MS = 1e6;

export interface MeasuredProblem {
  readonly problem: PlacementProblem;
  /** What was left out or assumed, counted by reason. */
  readonly refusals: readonly {readonly reason: RefusalReason; readonly count: number}[];
}

export type RefusalReason =
  | 'layer-without-measured-time'
  | 'tensor-of-unknown-size'
  | 'element-type-cannot-travel'
  | 'tensor-not-in-build'
  | 'raw-input-stays-on-device';

/**
 * The placement question of one device: layers as given, tensors that layers exchange, all times in whole ns.
 * A layer timed on one tier only takes that time on both; one timed nowhere counts 0 ns; both are counted.
 * @throws ExpectedError `profile-stale` (exit 14), `pin-matches-nothing` (exit 2), `nothing-feasible` (exit 13)
 */
export function problemFromMeasurements(measurements: PlacementMeasurements): MeasuredProblem {
  const {layers, constraints} = measurements;
  const {device, cloud, link} = twoTiersOf(measurements);
  const hasCloud = cloud !== null;
  const deviceMs = layerTimesFromProfile(layers, device, 'device', measurements.build);
  const cloudMs =
    cloud === null ? null : layerTimesFromProfile(layers, cloud.times, 'cloud', measurements.build);
  const pins = pinsByLayer(
    layers,
    constraints,
    measurements.tiers.map(({tier}) => tier),
  );

  const counts = new Map<RefusalReason, number>();
  const count = (reason: RefusalReason): void => void counts.set(reason, (counts.get(reason) ?? 0) + 1);

  const problemLayers = layers.map((layer, index): ProblemLayer => {
    const here = deviceMs[index] ?? null;
    const there = cloudMs?.[index] ?? null;
    if (here === null || (cloudMs !== null && there === null)) count('layer-without-measured-time');
    const pin = pins.get(index)?.tier;
    return {
      name: layer.name,
      deviceNs: nsFromMs(here ?? there ?? 0),
      cloudNs: cloudMs === null ? null : nsFromMs(there ?? here ?? 0),
      ...(pin === undefined || pin === 'gateway' ? {} : {pin: {tier: pin, reason: 'pinned-by-user'}}),
    };
  });

  const tensors = exchangedTensors(layers, measurements.tensors).map(
    ({row, producer, consumers}): ProblemTensor => {
      const bytes = bytesOfTensor(row);
      const isRaw = row.isInput || measurements.tainted.has(row.name);
      const refusal =
        refusalOf(row) ??
        (constraints.keepRawInputOnDevice && isRaw ? ('raw-input-stays-on-device' as const) : null);
      if (refusal !== null && hasCloud) count(refusal);
      return {
        name: row.name,
        bytes: bytes ?? 0,
        ...(row.travel === undefined ? {} : {upBytes: row.travel.bytes, upNs: nsFromMs(row.travel.ms)}),
        ...(row.headerBytes === undefined ? {} : {headerBytes: row.headerBytes}),
        producer,
        consumers,
        isOutput: row.isOutput,
        canCross: refusal === null,
      };
    },
  );

  return {
    problem: {
      layers: problemLayers,
      tensors,
      deviceFixedNs: nsFromMs(device.sessionOverhead.medianMs),
      link: link === null ? null : linkFrom(link),
    },
    refusals: [...counts].map(([reason, times]) => ({reason, count: times})),
  };
}

/** Whole nanoseconds, because a cut is only exact in integers. */
export function nsFromMs(ms: number): number {
  return Math.round(ms * NS_PER_MS);
}

function linkFrom({link, cutCosts}: LinkMeasurements): ProblemLink {
  return {
    fixedNs: nsFromMs(link.fixedMs + (cutCosts?.fixedMs ?? 0)),
    upNsPerByte: 1e9 / link.upBytesPerSecond,
    downNsPerByte: 1e9 / link.downBytesPerSecond,
    perTensorNs: nsFromMs(cutCosts?.perTensorMs ?? 0),
    ...(link.handover === undefined
      ? {}
      : {
          cutFixedNs: nsFromMs(link.handover.fixedMs),
          handoverNsPerByte: link.handover.nsPerByte,
        }),
  };
}

/** Why no message can carry a tensor, whatever is wished; `null` when one can. */
export function refusalOf(row: TensorRow): RefusalReason | null {
  if (row.elementType && !canTravel(row.elementType)) return 'element-type-cannot-travel';
  if (row.isInternal === true) return 'tensor-not-in-build';
  return bytesOfTensor(row) === null ? 'tensor-of-unknown-size' : null;
}

/** 4-bit, 8-bit float and bfloat16 tensors cannot be inputs or outputs of a segment, and complex ones have no wire form. */
function canTravel(type: ElementType): boolean {
  return protocolNameFromElementType(type) !== null && type !== 'bfloat16';
}

export interface ExchangedTensor {
  readonly row: TensorRow;
  readonly producer: number | null;
  readonly consumers: number[];
}

/**
 * The tensors that can cross: read by a layer or given out, and no weights, which each segment holds itself.
 * @throws ExpectedError `model-invalid` (exit 10) for layers out of order and tensors that nothing makes
 */
export function exchangedTensors(layers: readonly LayerRow[], rows: Iterable<TensorRow>): ExchangedTensor[] {
  const producers = new Map<string, number>();
  const consumers = new Map<string, number[]>();
  layers.forEach((layer, index) => {
    for (const name of new Set([...layer.inputs, ...(layer.outerInputs ?? [])])) {
      if (name === '') continue;
      const producer = producers.get(name);
      const list = consumers.get(name);
      if (list === undefined) consumers.set(name, [index]);
      else list.push(index);
      if (producer !== undefined && producer >= index)
        throw invalidModel(`Layer ${layer.name} stands before the layer that makes what it reads.`);
    }
    for (const name of layer.outputs) {
      if (name === '') continue;
      if (producers.has(name)) throw invalidModel(`Tensor ${name} is made by two layers.`);
      if (consumers.has(name))
        throw invalidModel(`Tensor ${name} is read before layer ${layer.name} makes it.`);
      producers.set(name, index);
    }
  });
  const exchanged: ExchangedTensor[] = [];
  const known = new Set<string>();
  for (const row of rows) {
    known.add(row.name);
    const producer = producers.get(row.name) ?? null;
    const readers = consumers.get(row.name) ?? [];
    if (row.isWeight || (readers.length === 0 && !row.isOutput)) continue;
    // Neither made nor given: nothing in this model says where it comes from.
    if (producer === null && !row.isInput)
      throw invalidModel(`Tensor ${row.name} is made by no layer and is no input of the model.`);
    exchanged.push({row, producer, consumers: readers});
  }
  for (const name of consumers.keys())
    if (!known.has(name)) throw invalidModel(`Tensor ${name} is read, and nothing is known of it.`);
  return exchanged;
}

function invalidModel(sentence: string): ExpectedError {
  return new ExpectedError('model-invalid', sentence, EXIT.invalidDocument, {
    hints: ['Look at the model: edgewise inspect MODEL'],
  });
}

/**
 * The tier that each pinned layer is kept on, and the pattern that says so.
 * @throws ExpectedError `nothing-feasible`, `pin-matches-nothing`
 */
export function pinsByLayer(
  layers: readonly LayerRow[],
  {pins}: PlacementConstraints,
  tiers: readonly Tier[],
): Map<number, {readonly tier: Tier; readonly pattern: string}> {
  const byLayer = new Map<number, {tier: Tier; pattern: string}>();
  const refuse = (sentence: string, hint: string): ExpectedError =>
    new ExpectedError('nothing-feasible', sentence, EXIT.unsupported, {hints: [hint]});
  for (const {layers: pattern, tier} of pins) {
    // A pin to a cloud that there is not is told with what else contradicts it.
    if (tier === 'gateway' && !tiers.includes(tier))
      throw refuse(`Layers "${pattern}" are pinned to a gateway, and there is none.`, 'Take the pin away.');
    let matches = 0;
    layers.forEach(({name}, index) => {
      if (!matchesPattern(name, pattern)) return;
      matches += 1;
      const other = byLayer.get(index);
      if (other !== undefined && other.tier !== tier)
        throw refuse(
          `Layer ${name} is pinned to the ${other.tier} by "${other.pattern}" and to the ${tier} by "${pattern}".`,
          'Take one of the two pins away.',
        );
      byLayer.set(index, {tier, pattern});
    });
    if (matches === 0)
      throw new ExpectedError(
        'pin-matches-nothing',
        `No layer is called "${pattern}", which a pin names.`,
        EXIT.usage,
        {
          hints: ["See the layers' names: edgewise inspect MODEL"],
        },
      );
  }
  return byLayer;
}
