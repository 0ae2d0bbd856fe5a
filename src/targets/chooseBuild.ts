/** A finished build, measured as far as it could be. */
export interface MeasuredBuild {
  readonly name: string;
  readonly isFp32: boolean;
  readonly isWithinBudget: boolean;
  /** Its time on the device over fp32's, round by round; `null` when nothing was timed. */
  readonly ratioToFp32: number | null;
  /** Of its noisiest output against the original; `Infinity` where that is the same. */
  readonly leastSqnrDb: number;
}

export interface ChosenBuild {
  readonly name: string;
  /** Why each build was taken or left, by name. */
  readonly verdicts: ReadonlyMap<string, string>;
}

/** Builds whose times are nearer than this are as fast: the next measurement may turn them round. */
const SAME_SPEED = 1.03;

/**
 * The fastest build within the accuracy budget (of those as fast, the most exact), and never one that is slower than
 * fp32. Where nothing was timed, the recipe's order decides. `builds` holds fp32 and is in the recipe's order; fp32 is within any budget, being the original.
 */
export function chooseBuild(builds: readonly MeasuredBuild[]): ChosenBuild {
  const fp32 = builds.find(({isFp32}) => isFp32);
  if (fp32 === undefined) throw new RangeError('no fp32 build to fall back to');
  const rivals = builds.filter(({isFp32, isWithinBudget}) => !isFp32 && isWithinBudget);
  const isTimed = builds.some(({ratioToFp32}) => ratioToFp32 !== null);
  const quickest = isTimed ? fastest([fp32, ...rivals]) : (rivals[0] ?? fp32);
  const chosen =
    isTimed && quickest !== fp32 ? mostExact(rivals.filter(one => isAsFast(one, quickest))) : quickest;
  const isFastest = chosen === quickest;

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
      if (!isTimed) return 'taken: first of the recipe, not timed';
      return isFastest
        ? `taken: the fastest${speed}`
        : `taken: as fast as the fastest, and more exact${speed}`;
    }
    if (!isWithinBudget) return 'left: outside the accuracy budget';
    if (isFp32) return isTimed ? 'left: slower' : 'left: to fall back to, not timed';
    if (!isTimed) return 'left: a later choice of the recipe, not timed';
    if ((ratioToFp32 ?? Infinity) >= 1) return `left: slower than fp32${speed}`;
    return isAsFast(build, chosen)
      ? `left: less exact than ${chosen.name}${speed}`
      : `left: slower than ${chosen.name}${speed}`;
  };
  return {name: chosen.name, verdicts: new Map(builds.map(build => [build.name, verdictOf(build)]))};
}

function timeOf({isFp32, ratioToFp32}: MeasuredBuild): number {
  return isFp32 ? 1 : (ratioToFp32 ?? Infinity);
}

/** And faster than fp32. */
function isAsFast(build: MeasuredBuild, other: MeasuredBuild): boolean {
  return timeOf(build) < 1 && timeOf(build) <= timeOf(other) * SAME_SPEED;
}

function mostExact(builds: readonly MeasuredBuild[]): MeasuredBuild {
  return builds.reduce((best, build) => (build.leastSqnrDb > best.leastSqnrDb ? build : best));
}

/** Equal times go to the earlier one. */
function fastest(builds: readonly [MeasuredBuild, ...MeasuredBuild[]]): MeasuredBuild {
  return builds.reduce((best, build) => (timeOf(build) < timeOf(best) ? build : best));
}
