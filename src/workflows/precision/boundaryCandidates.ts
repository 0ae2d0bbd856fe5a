import type {BoundaryPrecision, PixelValues} from '../../documents/boundary.ts';
import {countElements, sizeInBytes} from '../../documents/elementTypes.ts';
import type {BoundaryChoice} from '../../documents/planPrecision.ts';
import type {Tier} from '../../documents/planTiers.ts';
import type {CodecCost, Link, ModelTimes} from '../../documents/profile.ts';
import type {TierBuild} from '../../documents/tierBuilds.ts';
import {
  bytesOfTensor,
  type TensorRow,
  type TierMeasurements,
  type WeightRow,
} from '../../placement/measurements.ts';
import {WIRE_TYPES} from '../../quantize/boundary/codecs.ts';
import type {PackedSizes} from './packedSizes.ts';

/** A build of lower precision for a tier's layers, as it was measured there. */
export interface LoweredBuild extends TierBuild {
  /** Of the prepared model's layers. */
  readonly times: ModelTimes;
  /** What of its weights each of the model's layers reads. */
  readonly weights: readonly WeightRow[];
  /** Where another build can go on from it, or it from another one. */
  readonly common: ReadonlySet<string>;
}

/** One build for each tier and one way for what crosses to travel: a placement problem of its own. */
export interface BoundaryCandidate {
  /** Of the tiers whose layers are not of the fp32 one. */
  readonly builds: ReadonlyMap<Tier, LoweredBuild>;
  readonly boundary: BoundaryChoice;
  readonly input: 'as-is' | 'pixels';
  /** Where each tensor is packed besides, what its size then is. */
  readonly packed: PackedSizes | null;
  /** How each tensor would travel, if it did. */
  readonly precisions: ReadonlyMap<string, BoundaryPrecision>;
}

export interface CodecCosts {
  readonly encode: readonly CodecCost[];
  readonly decode: readonly CodecCost[];
  /** Packing and unpacking a byte together; 0 where it was not measured, and nothing is packed. */
  readonly packingNsPerByte: number;
}

/** Every combination, the one that changes nothing first, each packed as well where that was measured. Only float32 is rounded; pictures go as pixels in half of them. */
export function listBoundaryCandidates(
  tensors: readonly TensorRow[],
  boundaries: readonly BoundaryChoice[],
  pixels: ReadonlyMap<string, PixelValues>,
  packed: PackedSizes | null,
  builds: ReadonlyMap<Tier, readonly LoweredBuild[]>,
): BoundaryCandidate[] {
  const floats = tensors.filter(
    ({elementType, shape, isWeight}) => elementType === 'float32' && Boolean(shape) && !isWeight,
  );
  const inputs = pixels.size === 0 ? (['as-is'] as const) : (['as-is', 'pixels'] as const);
  const travels = boundaries.flatMap(boundary =>
    inputs.flatMap((input): Omit<BoundaryCandidate, 'builds'>[] => {
      const precisions = new Map<string, BoundaryPrecision>();
      for (const {name} of floats) {
        if (input === 'pixels' && pixels.has(name)) precisions.set(name, 'pixels');
        else if (boundary !== 'as-is') precisions.set(name, boundary);
      }
      const plain = {boundary, input, precisions, packed: null};
      return packed === null ? [plain] : [plain, {...plain, packed}];
    }),
  );
  return combinationsOf(builds).flatMap(each => travels.map(travel => ({...travel, builds: each})));
}

/** Every choice of one build for each tier, where a tier always has the fp32 one as well; fp32 everywhere first. */
export function combinationsOf(
  builds: ReadonlyMap<Tier, readonly LoweredBuild[]>,
): ReadonlyMap<Tier, LoweredBuild>[] {
  return [...builds].reduce<ReadonlyMap<Tier, LoweredBuild>[]>(
    (chosen, [tier, ofTier]) => [
      ...chosen,
      ...ofTier.flatMap(build => chosen.map(others => new Map([...others, [tier, build]]))),
    ],
    [new Map()],
  );
}

/** The tiers as they are where some have builds of their own. `build`: digest of the fp32 one. */
export function withTierBuilds(
  tiers: readonly TierMeasurements[],
  builds: ReadonlyMap<Tier, LoweredBuild>,
  build: string,
): readonly TierMeasurements[] {
  return tiers.map(row => {
    const own = builds.get(row.tier);
    return own === undefined ? row : {...row, times: {...own.times, build}, weights: own.weights};
  });
}

/**
 * The tensors as they are where tiers have those builds: what one of them knows by no name cannot cross. Model inputs come to
 * the device in any case.
 */
export function withBuildsTensors(
  tensors: readonly TensorRow[],
  builds: ReadonlyMap<Tier, LoweredBuild>,
): readonly TensorRow[] {
  const isKnownTo = (row: TensorRow, tier: Tier, {common}: LoweredBuild): boolean =>
    common.has(row.name) || (row.isInput && tier === 'device');
  return tensors.map(row =>
    row.isWeight || [...builds].every(([tier, build]) => isKnownTo(row, tier, build))
      ? row
      : {...row, isInternal: true},
  );
}

/**
 * The tensors with what each takes on the way up. A model input that is encoded needs a session on the device where
 * otherwise it would just be passed on, and is handed over by it, so both are charged to it; should layers run on the device
 * as well, the session is charged twice, which errs on the side of sending it as it is.
 */
export function withTravel(
  tensors: readonly TensorRow[],
  {precisions, packed}: BoundaryCandidate,
  costs: CodecCosts,
  {device, link}: {readonly device: ModelTimes; readonly link: Link | null},
): TensorRow[] {
  return tensors.map(row => {
    const precision = precisions.get(row.name);
    const packedBytes = packed?.bytesOf(row.name, precision ?? 'as-is');
    const plainBytes = bytesOfTensor(row);
    if ((precision === undefined && packedBytes === undefined) || !row.shape || plainBytes === null)
      return row;
    const values = countElements(row.shape);
    const wireBytes =
      precision === undefined ? plainBytes : (sizeInBytes(WIRE_TYPES[precision], row.shape) ?? 0);
    const codecNs =
      precision === undefined
        ? 0
        : (costOf(costs.encode, precision) + costOf(costs.decode, precision)) * values;
    const packingNs = packed === null ? 0 : costs.packingNsPerByte * wireBytes;
    const {fixedMs = 0, nsPerByte = 0} = link?.handover ?? {};
    const sessionMs =
      row.isInput && precision !== undefined
        ? device.sessionOverhead.medianMs + fixedMs + (nsPerByte * wireBytes) / 1e6
        : 0;
    const bytes = packedBytes ?? wireBytes;
    return {...row, travel: {bytes, ms: (codecNs + packingNs) / 1e6 + sessionMs}};
  });
}

function costOf(costs: readonly CodecCost[], precision: BoundaryPrecision): number {
  return costs.find(cost => cost.precision === precision)?.nsPerValue ?? 0;
}
