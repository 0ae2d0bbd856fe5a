/** One validation on the whole evaluation set. */
export interface Validation {
  /** Layers kept in higher precision. */
  readonly keptLayers: readonly string[];
  readonly value: number;
  readonly isMet: boolean;
}

export interface ControlledAccuracy {
  /** The smallest set found with which the budget holds; `null` when even keeping all does not meet it. */
  readonly chosen: Validation | null;
  /** In the order they were made. */
  readonly validations: readonly Validation[];
}

export interface AccuracyControl {
  /** The quantised layers, most sensitive first. */
  readonly ranked: readonly string[];
  /** Builds with these layers kept, measures on the whole evaluation set and holds the result against the budget. */
  readonly validate: (keptLayers: readonly string[]) => Promise<{value: number; isMet: boolean}>;
  /** With every layer kept: that is the model in higher precision, which has been measured already. */
  readonly allKept: {readonly value: number; readonly isMet: boolean};
}

/**
 * Finds how many of the most sensitive layers must be kept in higher precision, by bisection, and then tries to give
 * back halves of that set. Costs at most 2·log2(layers) validations (one, when nothing has to be kept), where peers
 * validate after every layer they take back.
 */
export async function controlAccuracy({
  ranked,
  validate,
  allKept,
}: AccuracyControl): Promise<ControlledAccuracy> {
  const validations: Validation[] = [];
  const tryKeeping = async (keptLayers: readonly string[]): Promise<Validation> => {
    const validation = {keptLayers, ...(await validate(keptLayers))};
    validations.push(validation);
    return validation;
  };
  const limit = Math.max(1, Math.floor(2 * Math.log2(ranked.length)));

  const none = await tryKeeping([]);
  if (none.isMet) return {chosen: none, validations};
  if (!allKept.isMet) return {chosen: null, validations};
  let chosen: Validation = {keptLayers: ranked, ...allKept};
  // Keeping the first `tooFew` of the ranking is not enough; keeping those of `chosen` is.
  let tooFew = 0;
  while (chosen.keptLayers.length - tooFew > 1) {
    const middle = Math.floor((tooFew + chosen.keptLayers.length) / 2);
    const validation = await tryKeeping(ranked.slice(0, middle));
    if (validation.isMet) chosen = validation;
    else tooFew = middle;
  }
  return {chosen: await giveBack(chosen, tryKeeping, () => limit - validations.length), validations};
}

/** The ranking is by single layers; together some of the kept ones may not be needed. Least sensitive halves first. */
async function giveBack(
  chosen: Validation,
  tryKeeping: (keptLayers: readonly string[]) => Promise<Validation>,
  remaining: () => number,
): Promise<Validation> {
  let best = chosen;
  let size = Math.floor(best.keptLayers.length / 2);
  while (size >= 1 && remaining() > 0) {
    // The last of the kept ones is what the bisection found to be needed: it stays, those before it are in question.
    const candidates = best.keptLayers.slice(0, -1);
    const rest = candidates.slice(0, Math.max(0, candidates.length - size));
    const validation = await tryKeeping([...rest, ...best.keptLayers.slice(-1)]);
    if (validation.isMet) {
      best = validation;
      size = Math.min(size, Math.floor(best.keptLayers.length / 2));
    } else size = Math.floor(size / 2);
  }
  return best;
}
