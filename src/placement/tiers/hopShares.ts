import type {HopSpan} from './hops.ts';

/**
 * Shares the cost of each link out over the gaps that it spans, so that no link is charged more than it costs: then no
 * route costs less than the gaps it crosses, whichever links it takes (a packing of cuts). The gaps preferred get as much
 * as they can, from left to right, the others what is left: where links overlap, not all gaps can have their full cost.
 * @param costs one per span; Infinity for a link that may not be taken
 * @param shares written from `offset` on; Infinity for a gap that no link spans
 */
export function shareOverHops(
  spans: readonly HopSpan[],
  costs: readonly number[],
  hopCount: number,
  preferredMask: number,
  shares: Float64Array,
  offset: number,
): void {
  const left = [...costs];
  shares.fill(0, offset, offset + hopCount);
  raiseShares(spans, left, hopCount, preferredMask, shares, offset);
}

/**
 * Shares in whole nanoseconds: each is rounded down, then raised to what its links leave.
 * @param exact shares as `shareOverHops` gives them, or a mean of such
 */
export function wholeShares(
  spans: readonly HopSpan[],
  costs: readonly number[],
  hopCount: number,
  exact: Float64Array,
  offset: number,
  whole: Float64Array,
): void {
  const left = [...costs];
  for (let hop = 0; hop < hopCount; hop++) {
    const share = exact[offset + hop] as number;
    whole[hop] = share === Infinity ? 0 : Math.floor(share);
  }
  spans.forEach(({first, end}, index) => {
    for (let hop = first; hop < end; hop++) left[index] = (left[index] as number) - (whole[hop] as number);
  });
  raiseShares(spans, left, hopCount, 0, whole, 0);
}

function raiseShares(
  spans: readonly HopSpan[],
  left: number[],
  hopCount: number,
  preferredMask: number,
  shares: Float64Array,
  offset: number,
): void {
  for (const isPreferred of [true, false]) {
    for (let hop = 0; hop < hopCount; hop++) {
      if (((preferredMask & (1 << hop)) !== 0) !== isPreferred) continue;
      let room = Infinity;
      spans.forEach(({first, end}, index) => {
        if (first <= hop && hop < end) room = Math.min(room, left[index] as number);
      });
      if (room <= 0) continue;
      if (room === Infinity) {
        shares[offset + hop] = Infinity;
        continue;
      }
      shares[offset + hop] = (shares[offset + hop] as number) + room;
      spans.forEach(({first, end}, index) => {
        if (first <= hop && hop < end) left[index] = (left[index] as number) - room;
      });
    }
  }
}
