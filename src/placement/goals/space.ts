/**
 * Where layers may be and how tensors get from one to the next: everything of a placement question but what it costs.
 * Tier 0 is where inputs lie and outputs are wanted.
 */
export interface Space {
  readonly tierCount: number;
  readonly layers: readonly SpaceLayer[];
  readonly tensors: readonly SpaceTensor[];
  /** `from` below `to`; at most one between two tiers. */
  readonly links: readonly {readonly from: number; readonly to: number}[];
  readonly direction: 'one-way' | 'two-way';
  /**
   * Where data goes back and forth: how often each link is opened for a request, at least once where anything crosses it. A cut
   * counts once, so what is more comes on top of it; left out: once.
   */
  readonly tripsOf?: (placement: SpacePlacement) => readonly number[];
}

export interface SpaceLayer {
  readonly name: string;
  /** Bit k: may be on tier k. */
  readonly tierMask: number;
}

export interface SpaceTensor {
  readonly name: string;
  readonly bytes: number;
  /** Index into `layers`; `null` for a model input. */
  readonly producer: number | null;
  readonly consumers: readonly number[];
  readonly isOutput: boolean;
  /** False: it stays on the tier where it is made, and so do its readers. */
  readonly canCross: boolean;
}

/** A quantity that adds up over a placement, such as time or energy, in whole units. */
export interface Measure {
  /** Per layer and tier. */
  readonly layers: readonly (readonly number[])[];
  /** Per tensor and link, for crossing it. */
  readonly up: readonly (readonly number[])[];
  readonly down: readonly (readonly number[])[];
  /** Per link, once when anything crosses it. */
  readonly links: readonly number[];
  /** Per link, once when anything crosses it and layers are on its lower tier. */
  readonly hosted: readonly number[];
  /** Per tier, once when layers are on it. */
  readonly tiers: readonly number[];
}

export interface Crossing {
  readonly tensor: number;
  readonly link: number;
  readonly direction: 'up' | 'down';
}

/** A tier per layer, and the way of each tensor. */
export interface SpacePlacement {
  readonly tiers: readonly number[];
  readonly crossings: readonly Crossing[];
}

/** What a placement takes of a quantity, straight from its definition. */
export function amountOf(space: Space, measure: Measure, placement: SpacePlacement): number {
  const {tiers, crossings} = placement;
  let amount = 0;
  tiers.forEach((tier, layer) => (amount += measure.layers[layer]?.[tier] ?? 0));
  for (const {tensor, link, direction} of crossings)
    amount += (direction === 'up' ? measure.up : measure.down)[tensor]?.[link] ?? 0;
  const used = new Set(tiers);
  for (const tier of used) amount += measure.tiers[tier] ?? 0;
  for (const link of new Set(crossings.map(crossing => crossing.link))) {
    const once =
      (measure.links[link] ?? 0) +
      (used.has(space.links[link]?.from ?? -1) ? (measure.hosted[link] ?? 0) : 0);
    if (once > 0) amount += once * (space.tripsOf?.(placement)[link] ?? 1);
  }
  return amount;
}

/** The sum of quantities, each times a whole number. */
export function weighMeasures(
  parts: readonly {readonly measure: Measure; readonly weight: number}[],
): Measure {
  const list = (pick: (measure: Measure) => readonly number[]): number[] => {
    const sum = [...pick((parts[0] as (typeof parts)[number]).measure)].fill(0);
    for (const {measure, weight} of parts)
      if (weight !== 0)
        pick(measure).forEach((amount, index) => (sum[index] = (sum[index] as number) + amount * weight));
    return sum;
  };
  const rows = (pick: (measure: Measure) => readonly (readonly number[])[]): number[][] =>
    pick((parts[0] as (typeof parts)[number]).measure).map((_, row) =>
      list(measure => pick(measure)[row] ?? []),
    );
  return {
    layers: rows(({layers}) => layers),
    up: rows(({up}) => up),
    down: rows(({down}) => down),
    links: list(({links}) => links),
    hosted: list(({hosted}) => hosted),
    tiers: list(({tiers}) => tiers),
  };
}

/** More than any placement can take of a quantity. */
export function mostOf({layers, up, down, links, hosted, tiers}: Measure): number {
  const all = [...layers, ...up, ...down, links, hosted, tiers];
  return all.reduce((sum, list) => sum + list.reduce((total, amount) => total + amount, 0), 0);
}

/** Nothing of anything, in the shape of a quantity. */
export function zeroMeasure({layers, up, down, links, hosted, tiers}: Measure): Measure {
  const nothing = (rows: readonly (readonly number[])[]): number[][] => rows.map(row => row.map(() => 0));
  return {
    layers: nothing(layers),
    up: nothing(up),
    down: nothing(down),
    links: links.map(() => 0),
    hosted: hosted.map(() => 0),
    tiers: tiers.map(() => 0),
  };
}

/** In another unit, each amount a whole number of it and none below nothing. */
export function roundedMeasure({layers, up, down, links, hosted, tiers}: Measure, scale: number): Measure {
  const list = (row: readonly number[]): number[] =>
    row.map(amount => Math.max(0, Math.round(amount * scale)));
  return {
    layers: layers.map(list),
    up: up.map(list),
    down: down.map(list),
    links: list(links),
    hosted: list(hosted),
    tiers: list(tiers),
  };
}
