import type {BoundaryPrecision, PixelValues} from '../../documents/boundary.ts';
import {countElements, sizeInBytes} from '../../documents/elementTypes.ts';
import type {BoundaryChoice, DeviceBuildChoice} from '../../documents/planPrecision.ts';
import type {CodecCost, Link, ModelTimes} from '../../documents/profile.ts';
import {bytesOfTensor, type TensorRow, type WeightRow} from '../../placement/measurements.ts';
import {WIRE_TYPES} from '../../quantize/boundary/codecs.ts';
import type {PackedSizes} from './packedSizes.ts';

/** A build of lower precision for the device's layers, as it was measured there. */
export interface DeviceBuildCandidate extends DeviceBuildChoice {
  /** Of the prepared model's layers. */
  readonly times: ModelTimes;
  /** What of its weights each of the model's layers reads. */
  readonly weights: readonly WeightRow[];
  /** Where the cloud's fp32 layers can go on from it. */
  readonly common: ReadonlySet<string>;
}

/** One build for the device and one way for what crosses to travel: a placement problem of its own. */
export interface BoundaryCandidate {
  /** `null`: the fp32 one. */
  readonly device: DeviceBuildCandidate | null;
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
  builds: readonly DeviceBuildCandidate[],
): BoundaryCandidate[] {
  const floats = tensors.filter(
    ({elementType, shape, isWeight}) => elementType === 'float32' && Boolean(shape) && !isWeight,
  );
  const inputs = pixels.size === 0 ? (['as-is'] as const) : (['as-is', 'pixels'] as const);
  const travels = boundaries.flatMap(boundary =>
    inputs.flatMap((input): Omit<BoundaryCandidate, 'device'>[] => {
      const precisions = new Map<string, BoundaryPrecision>();
      for (const {name} of floats) {
        if (input === 'pixels' && pixels.has(name)) precisions.set(name, 'pixels');
        else if (boundary !== 'as-is') precisions.set(name, boundary);
      }
      const plain = {boundary, input, precisions, packed: null};
      return packed === null ? [plain] : [plain, {...plain, packed}];
    }),
  );
  return [null, ...builds].flatMap(device => travels.map(travel => ({...travel, device})));
}

/** The tensors as they are where the device has that build: what it knows by no name cannot cross. */
export function withDeviceBuild(
  tensors: readonly TensorRow[],
  device: DeviceBuildCandidate | null,
): readonly TensorRow[] {
  if (device === null) return tensors;
  return tensors.map(row =>
    row.isWeight || row.isInput || device.common.has(row.name) ? row : {...row, isInternal: true},
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
