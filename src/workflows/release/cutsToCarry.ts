import type {Plan} from '../../documents/plan.ts';
import {tierBuildsOf} from '../../documents/tierBuilds.ts';

/** One cut that is the best at some bandwidths. */
export interface CarriedCut {
  readonly name: string;
  readonly fromBytesPerSecond: number;
  readonly toBytesPerSecond: number | null;
  readonly transferMs: number;
  readonly linkMs: number;
  readonly cloudMs: number;
  readonly layers: readonly {readonly name: string; readonly tier: 'device' | 'cloud'}[];
  /** What crosses other than as it is. */
  readonly cut: Plan['cut'];
  readonly isPacked: boolean;
}

export interface CarriedCuts {
  readonly bytesPerSecond: number;
  readonly table: readonly CarriedCut[];
  readonly first: number;
}

/** Links get faster and slower by that much; what is the best only beyond is not worth its place on the device. */
const TIMES_PRESENT = 50;
/** The plan's own and its neighbours in the table. */
const MOST_CUTS = 5;

/**
 * The plan's envelope over bandwidth as cuts to be carried beside its own. `null` where no other is the best at any bandwidth
 * that is likely, or where tensors cross rounded or a tier computes so: the accuracy of the others was not measured.
 */
export function cutsToCarry({envelope, cut, layers, tensors, precision: chosen}: Plan): CarriedCuts | null {
  const axis = envelope?.axes.find(({what}) => what === 'link-bandwidth');
  const isRounded =
    Object.keys(tierBuildsOf(chosen)).length > 0 ||
    cut.some(({precision}) => precision === 'int8' || precision === 'fp16');
  if (envelope === undefined || axis === undefined || tensors === undefined || isRounded) return null;
  const {current, pieces} = axis;
  const own = pieces.findIndex(({placement}) => placement === 0);
  const near = pieces
    .map((piece, at) => ({piece, at}))
    .filter(
      ({piece: {from, to}}) => from <= current * TIMES_PRESENT && (to ?? Infinity) >= current / TIMES_PRESENT,
    )
    .sort((one, other) => Math.abs(one.at - own) - Math.abs(other.at - own))
    .slice(0, MOST_CUTS)
    .sort((one, other) => one.at - other.at);
  const first = near.findIndex(({at}) => at === own);
  if (own < 0 || first < 0 || near.length < 2) return null;
  const pictures = cut.filter(({precision}) => precision === 'pixels');
  const table = near.map(({piece}, at): CarriedCut | null => {
    const placement = envelope.placements[piece.placement];
    if (placement?.linkMs === undefined) return null;
    const {name, deviceLayers, transferMs, linkMs, cloudMs} = placement;
    const placed = tiersOf(layers, deviceLayers);
    const isRead = (wanted: string): boolean =>
      tensors
        .find(tensor => tensor.name === wanted)
        ?.consumers.some(consumer => placed[consumer]?.tier === 'cloud') === true;
    return {
      name,
      // The ends are for whatever lies beyond.
      fromBytesPerSecond: at === 0 ? 0 : piece.from,
      toBytesPerSecond: at === near.length - 1 ? null : piece.to,
      transferMs,
      linkMs,
      cloudMs,
      layers: placed,
      cut: pictures.filter(({tensor}) => isRead(tensor)),
      isPacked: cut.some(row => row.isPacked === true),
    };
  });
  const known = table.filter(each => each !== null);
  return known.length < near.length ? null : {bytesPerSecond: current, table: known, first};
}

type Runs = NonNullable<Plan['envelope']>['placements'][number]['deviceLayers'];

function tiersOf(layers: Plan['layers'], runs: Runs): CarriedCut['layers'] {
  const indexOf = new Map(layers.map(({name}, index) => [name, index]));
  const isOnDevice = (index: number): boolean =>
    runs.some(({first, last}) => (indexOf.get(first) ?? NaN) <= index && index <= (indexOf.get(last) ?? NaN));
  return layers.map(({name}, index) => ({name, tier: isOnDevice(index) ? 'device' : 'cloud'}));
}
