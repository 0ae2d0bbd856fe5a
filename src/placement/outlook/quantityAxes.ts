import type {Tier} from '../../documents/plan.ts';
import {bandwidthAxis, roundTripAxis, tierSpeedAxis} from '../envelope/axes.ts';
import type {Axis} from '../envelope/axes.ts';
import {bytesOfTensor} from '../measurements.ts';
import type {PlacementMeasurements} from '../measurements.ts';
import type {MeasuredGoal} from '../goals/measuredGoal.ts';
import {zeroMeasure} from '../goals/space.ts';
import type {Measure} from '../goals/space.ts';

/** The measures that add up, and what is asked of each. */
export type Quantities = Readonly<Record<'latency' | 'energy' | 'money', Measure>>;

export interface QuantityAxis {
  readonly axis: Axis;
  /** The ends of the link; `null` for the cloud. */
  readonly link: {readonly from: Tier; readonly to: Tier} | null;
  /** What each measure takes more where the axis's value x is 1 more. */
  readonly slopes: Quantities;
  /** The present x; what x stands for is in `axis`. */
  readonly now: number;
}

/** Bandwidth and round trip of each link, and the cloud's speed; the device's energy changes with none of them. */
export function quantityAxesOf(measurements: PlacementMeasurements, goal: MeasuredGoal): QuantityAxis[] {
  const {latency, money, space, tiers} = goal;
  const zero = zeroMeasure(latency);
  const rows = new Map([...measurements.tensors].map(row => [row.name, row]));
  const rowOf = (tensor: number) => rows.get(space.tensors[tensor]?.name ?? '');
  const only = <T>(at: number, index: number, value: T, otherwise: T): T =>
    at === index ? value : otherwise;
  const axes = measurements.links.flatMap(({from, to, link}, at): QuantityAxis[] => {
    const perByte = (bytesOf: (tensor: number) => number, bytesPerSecond: number): number[][] =>
      space.tensors.map((_, tensor) =>
        space.links.map((__, index) => only(at, index, (bytesOf(tensor) * 1e9) / bytesPerSecond, 0)),
      );
    const transfers: Measure = {
      ...zero,
      up: perByte(tensor => {
        const row = rowOf(tensor);
        const bytes = row?.travel?.bytes ?? (row === undefined ? 0 : (bytesOfTensor(row) ?? 0));
        return bytes + (row?.headerBytes?.up ?? 0);
      }, link.upBytesPerSecond),
      down: perByte(
        tensor => (space.tensors[tensor]?.bytes ?? 0) + (rowOf(tensor)?.headerBytes?.down ?? 0),
        link.downBytesPerSecond,
      ),
    };
    const opened: Measure = {...zero, links: space.links.map((_, index) => only(at, index, 1, 0))};
    const fixed = {fixedNs: latency.links[at] ?? 0};
    return [
      {
        axis: bandwidthAxis(link),
        link: {from, to},
        slopes: {latency: transfers, energy: zero, money: zero},
        now: 1,
      },
      {
        axis: roundTripAxis(link, fixed),
        link: {from, to},
        slopes: {latency: opened, energy: zero, money: zero},
        now: 0,
      },
    ];
  });
  const cloud = tiers.indexOf('cloud');
  if (cloud === -1) return axes;
  const inCloud = (measure: Measure): Measure => ({
    ...zero,
    layers: measure.layers.map(row => row.map((amount, tier) => only(cloud, tier, amount, 0))),
  });
  const slopes = {latency: inCloud(latency), energy: zero, money: money === null ? zero : inCloud(money)};
  return [...axes, {axis: tierSpeedAxis('cloud'), link: null, slopes, now: 1}];
}
