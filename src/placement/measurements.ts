import {sizeInBytes} from '../documents/elementTypes.ts';
import type {ElementType} from '../documents/elementTypes.ts';
import type {PlanObjective, Tier} from '../documents/plan.ts';
import type {Link, ModelTimes} from '../documents/profile.ts';

/** One layer of the prepared model, in topological order; tensors by name, '' for an input left out. */
export interface LayerRow {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Names that the bodies of control flow read from outside. */
  readonly outerInputs?: readonly string[];
}

/** One tensor of the prepared model; type or shape absent or null where nothing is known of them. */
export interface TensorRow {
  readonly name: string;
  readonly elementType?: ElementType | null;
  readonly shape?: readonly number[] | null;
  readonly isInput: boolean;
  readonly isOutput: boolean;
  readonly isWeight: boolean;
  /** No tier but the one that makes it knows it: the build there has nothing of that name. */
  readonly isInternal?: boolean;
  /** What it takes on the way up, and encoding and decoding it; where it travels as it is, nothing is said. */
  readonly travel?: {readonly bytes: number; readonly ms: number};
  /** What a request on the way up and a reply on the way down say of it: name, type, shape. Left out: nothing. */
  readonly headerBytes?: {readonly up: number; readonly down: number};
}

/** Bytes of a dense tensor of this row's type and shape; null where they are unknown, or strings. */
export function bytesOfTensor({elementType, shape}: TensorRow): number | null {
  return elementType && shape ? sizeInBytes(elementType, shape) : null;
}

export interface PlacementConstraints {
  readonly keepRawInputOnDevice: boolean;
  /** `layers` is a layer's name or a pattern in which `*` stands for any letters. */
  readonly pins: readonly {readonly layers: string; readonly tier: Tier}[];
  /** Whether what layers read only rises, or comes back too; left out: it only rises. */
  readonly direction?: 'one-way' | 'two-way';
  readonly maxLatencyMs?: number;
  readonly maxEnergyMillijoules?: number;
  /** Of one request, in the currency of the price. */
  readonly maxMoney?: {readonly amount: number; readonly currency: string};
  /** What weights, activations and buffers may take together. */
  readonly memory?: readonly {readonly tier: Tier; readonly bytes: number}[];
  readonly minDeviceLayers?: number;
}

/** Of the device. */
export interface DevicePower {
  /** While it computes. */
  readonly computeWatts: number;
  readonly radioNanojoulesPerByte: number;
}

/** Of the cloud; all in one currency. */
export interface CloudPrice {
  readonly perHour: number;
  /** For what leaves it, by 10⁹ bytes. */
  readonly egressPerGigabyte: number;
  readonly currency: string;
}

/** A weight with the layers that read it. */
export interface WeightRow {
  readonly bytes: number;
  readonly readers: readonly number[];
}

/** What was measured of the model on the machine of one tier. */
export interface TierMeasurements {
  readonly tier: Tier;
  readonly machine: string;
  readonly times: ModelTimes;
  /** What layers read there, where that is a build of its own; left out: the model's weights as they are. */
  readonly weights?: readonly WeightRow[];
}

/** What was measured of the way between two tiers, `from` below `to`. */
export interface LinkMeasurements {
  readonly from: Tier;
  readonly to: Tier;
  readonly link: Link;
  /** What the cut itself costs besides the link, where it was measured. */
  readonly cutCosts?: {readonly fixedMs: number; readonly perTensorMs: number};
}

/** Everything that the choice of a placement for one device rests on. */
export interface PlacementMeasurements {
  /** Digest of the prepared model whose layers these are. */
  readonly build: string;
  readonly layers: readonly LayerRow[];
  readonly tensors: Iterable<TensorRow>;
  /** In the order in which data rises, the device first. */
  readonly tiers: readonly TierMeasurements[];
  readonly links: readonly LinkMeasurements[];
  readonly constraints: PlacementConstraints;
  /** Left out: latency. */
  readonly objective?: PlanObjective;
  /** As declared; left out: not known. */
  readonly power?: DevicePower;
  readonly price?: CloudPrice;
  /** Tensors that still are the raw input (views, casts, normalised copies of it). */
  readonly tainted: ReadonlySet<string>;
}

/** The measurements of a device and a cloud; both `cloud` and `link` are `null` unless each was measured. */
export function twoTiersOf({tiers, links}: Pick<PlacementMeasurements, 'tiers' | 'links'>): {
  readonly device: ModelTimes;
  readonly cloud: TierMeasurements | null;
  readonly link: LinkMeasurements | null;
} {
  const [device] = tiers;
  if (device?.tier !== 'device') throw new RangeError('the first tier is no device');
  const cloud = tiers.find(({tier}) => tier === 'cloud') ?? null;
  const link = links.find(({from, to}) => from === 'device' && to === 'cloud') ?? null;
  const isReachable = cloud !== null && link !== null;
  return {device: device.times, cloud: isReachable ? cloud : null, link: isReachable ? link : null};
}
