/** A finished build, measured as far as it could be. */
export interface MeasuredBuild {
  readonly name: string;
  readonly isFp32: boolean;
  readonly isWithinBudget: boolean;
  /** Its time on the device over fp32's, round by round; `null` when nothing was timed. */
  readonly ratioToFp32: number | null;
}

export interface ChosenBuild {
  readonly name: string;
  /** Why each build was taken or left, by name. */
  readonly verdicts: ReadonlyMap<string, string>;
}

/**
 * The fastest build within the accuracy budget, and never one that is slower than fp32. Where nothing was timed, the
 * recipe's order decides. `builds` holds fp32 and is in the recipe's order; fp32 is within any budget, being the original.
 */
export function chooseBuild(builds: readonly MeasuredBuild[]): ChosenBuild {
  const fp32 = builds.find(({isFp32}) => isFp32);
  if (fp32 === undefined) throw new RangeError('no fp32 build to fall back to');
  const rivals = builds.filter(({isFp32, isWithinBudget}) => !isFp32 && isWithinBudget);
  const isTimed = builds.some(({ratioToFp32}) => ratioToFp32 !== null);
  const chosen = isTimed ? fastest([fp32, ...rivals]) : (rivals[0] ?? fp32);

  const verdictOf = (build: MeasuredBuild): string => {
    const {isFp32, isWithinBudget, ratioToFp32} = build;
    const speed = ratioToFp32 === null ? '' : ` (${ratioToFp32.toFixed(2)} × the time of fp32)`;
    if (build === chosen) {
      if (isFp32)
        return builds.length === 1
          ? 'taken: there is no other'
          : rivals.length === 0
            ? 'taken: nothing else meets the budget'
            : 'taken: nothing else is faster';
      return isTimed ? `taken: the fastest${speed}` : 'taken: first of the recipe, not timed';
    }
    if (!isWithinBudget) return 'left: outside the accuracy budget';
    if (isFp32) return isTimed ? 'left: slower' : 'left: to fall back to, not timed';
    if (!isTimed) return 'left: a later choice of the recipe, not timed';
    return (ratioToFp32 ?? Infinity) >= 1
      ? `left: slower than fp32${speed}`
      : `left: slower than ${chosen.name}${speed}`;
  };
  return {name: chosen.name, verdicts: new Map(builds.map(build => [build.name, verdictOf(build)]))};
}

/** Equal times go to the earlier one. */
function fastest(builds: readonly [MeasuredBuild, ...MeasuredBuild[]]): MeasuredBuild {
  const timeOf = ({isFp32, ratioToFp32}: MeasuredBuild): number => (isFp32 ? 1 : (ratioToFp32 ?? Infinity));
  return builds.reduce((best, build) => (timeOf(build) < timeOf(best) ? build : best));
}
