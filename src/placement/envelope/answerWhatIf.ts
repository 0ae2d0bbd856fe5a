import type {WhatIf, WhatIfAnswer} from '../../documents/explanation.ts';
import type {Envelope, EnvelopeAxis, Plan} from '../../documents/plan.ts';
import {EXIT, ExpectedError} from '../../errors.ts';

type Quantity = EnvelopeAxis['what'];

const AXES: Readonly<Record<Quantity, {name: string; inUnit: (value: number) => string}>> = {
  'link-bandwidth': {name: 'bandwidths', inUnit: value => `${printed((value * 8) / 1e6)} Mbit/s`},
  'round-trip': {name: 'round-trip times', inUnit: value => `${printed(value)} ms`},
  'cloud-speed': {name: 'speeds of the cloud', inUnit: value => `${printed(value)} times the measured one`},
};

/**
 * Which placement would be the best were the link or the cloud other than measured, and what it would cost, from the
 * plan alone. Where one quantity differs the answer is exact among all placements; where several do it is the best of those
 * that the plan knows, which is exact where these are complete.
 * @throws ExpectedError `envelope-missing`, `what-if-out-of-range` (both exit 2)
 */
export function answerWhatIf(plan: Plan, asked: WhatIf): WhatIfAnswer {
  const {envelope} = plan;
  if (envelope === undefined)
    throw new ExpectedError(
      'envelope-missing',
      plan.cloud === null
        ? 'The plan names no cloud, so no link and no cloud can change its answer.'
        : 'The plan was made before plans knew what holds at other bandwidths, round trips and speeds of the cloud.',
      EXIT.usage,
      plan.cloud === null ? {} : {hints: [`edgewise plan ${plan.device}`]},
    );
  const values = new Map<Quantity, number>();
  if (asked.bandwidthBytesPerSecond !== undefined)
    values.set('link-bandwidth', asked.bandwidthBytesPerSecond);
  if (asked.roundTripMs !== undefined) values.set('round-trip', asked.roundTripMs);
  if (asked.cloudSlower !== undefined) values.set('cloud-speed', 1 / asked.cloudSlower);
  const present = new Map(envelope.axes.map(({what, current}) => [what, current]));
  const bestOnAxis = envelope.axes.flatMap(axis => {
    const value = values.get(axis.what);
    return value === undefined ? [] : [placementAt(axis, value)];
  });

  const placements = envelope.placements.map((placement, index) => ({
    name: placement.name,
    latencyMs: latencyAt(placement, isDeviceOnly(plan, placement), present, values),
    index,
  }));
  const isProven = bestOnAxis.length <= 1 || envelope.isComplete === true;
  const [first] = placements;
  if (first === undefined) throw new RangeError('an envelope without placements');
  const best =
    bestOnAxis.length === 1 && bestOnAxis[0] !== undefined
      ? (placements[bestOnAxis[0]] ?? first)
      : placements.reduce((least, one) => (one.latencyMs < least.latencyMs ? one : least));
  return {
    asked,
    best: {name: best.name, latencyMs: best.latencyMs},
    chosen: {name: first.name, latencyMs: first.latencyMs},
    isProven,
  };
}

/** As precise as documents are. */
function printed(value: number): number {
  return Number(value.toPrecision(6));
}

/** Index of the placement that is the best at one value of an axis. */
function placementAt({what, pieces}: EnvelopeAxis, value: number): number {
  const lowest = pieces[0]?.from ?? 0;
  const highest = pieces.at(-1)?.to ?? null;
  const piece = pieces.find(({to}) => to === null || value <= to);
  if (piece !== undefined && value >= lowest) return piece.placement;
  throw outOfRange(what, lowest, highest, value);
}

export function outOfRange(
  what: Quantity,
  lowest: number,
  highest: number | null,
  value: number,
): ExpectedError {
  const {name, inUnit} = AXES[what];
  return new ExpectedError(
    'what-if-out-of-range',
    `The plan knows ${name} from ${inUnit(lowest)}${highest === null ? '' : ` to ${inUnit(highest)}`}, not ${inUnit(value)}.`,
    EXIT.usage,
  );
}

/** Every part of a placement's latency is in proportion to one quantity or does not change. */
function latencyAt(
  {latencyMs, transferMs, cloudMs}: Envelope['placements'][number],
  isDeviceOnly: boolean,
  present: ReadonlyMap<Quantity, number>,
  values: ReadonlyMap<Quantity, number>,
): number {
  const nowAndThen = (what: Quantity): readonly [number, number] => {
    const now = present.get(what) ?? 1;
    return [now, values.get(what) ?? now];
  };
  const [bandwidth, otherBandwidth] = nowAndThen('link-bandwidth');
  const [roundTripMs, otherRoundTripMs] = nowAndThen('round-trip');
  const [speed, otherSpeed] = nowAndThen('cloud-speed');
  return (
    latencyMs +
    transferMs * (bandwidth / otherBandwidth - 1) +
    cloudMs * (speed / otherSpeed - 1) +
    (isDeviceOnly ? 0 : otherRoundTripMs - roundTripMs)
  );
}

function isDeviceOnly({layers}: Plan, {deviceLayers}: Envelope['placements'][number]): boolean {
  const [run] = deviceLayers;
  return run !== undefined && run.first === layers[0]?.name && run.last === layers.at(-1)?.name;
}
