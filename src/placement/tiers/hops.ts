import {isRow, orderOfTiers} from './tierOrder.ts';
import type {TierTables} from './tierTables.ts';

/**
 * The gaps between neighbours of the order of tiers. Each link that may be used spans one gap or several; what crosses
 * a gap takes one of the links that span it.
 */
export interface Hops {
  readonly order: readonly number[];
  /** Per tier, its place in the order. */
  readonly position: readonly number[];
  readonly count: number;
  /** Every link spans one gap only, and none is spanned twice. */
  readonly isRow: boolean;
  readonly spans: readonly HopSpan[];
  /** Whether what layers read may cross gap i from left to right, and from right to left. */
  readonly canReadRight: readonly boolean[];
  readonly canReadLeft: readonly boolean[];
}

export interface HopSpan {
  readonly link: number;
  /** The gaps from `first` up to, but without, `end`. */
  readonly first: number;
  readonly end: number;
  readonly isUpRightwards: boolean;
}

/** @param closedMask bit i: link i may not be used */
export function hopsOf({problem}: TierTables, closedMask: number): Hops {
  const {tierCount, links, direction} = problem;
  const order = orderOfTiers(tierCount, links, closedMask);
  const position = order.map((_, tier) => order.indexOf(tier));
  const spans: HopSpan[] = [];
  links.forEach(({from, to}, link) => {
    if ((closedMask & (1 << link)) !== 0) return;
    const left = position[from] as number;
    const right = position[to] as number;
    spans.push({
      link,
      first: Math.min(left, right),
      end: Math.max(left, right),
      isUpRightwards: left < right,
    });
  });
  const count = tierCount - 1;
  const canRead = (isRightwards: boolean): boolean[] =>
    Array.from({length: count}, (_, hop) =>
      spans.some(
        ({first, end, isUpRightwards}) =>
          first <= hop && hop < end && (direction === 'two-way' || isUpRightwards === isRightwards),
      ),
    );
  return {
    order,
    position,
    count,
    isRow: isRow(order, links, closedMask),
    spans,
    canReadRight: canRead(true),
    canReadLeft: canRead(false),
  };
}
