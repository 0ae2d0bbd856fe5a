import type {PlanVerification, VerifiedCandidate} from '../documents/planVerification.ts';

/** One request to one candidate, in ms. */
export interface MeasuredRequest {
  readonly totalMs: number;
  readonly headMs: number;
  readonly linkMs: number;
  readonly tailMs: number;
}

export interface CandidateToDecide extends Pick<
  VerifiedCandidate,
  'name' | 'device' | 'boundary' | 'input' | 'isPacked' | 'predictedMs' | 'predictedInterval90'
> {
  /** Why it was not measured at all. */
  readonly problem: string | null;
}

/** Of the rounds; what answers more rarely is no plan. */
const LEAST_ANSWERED = 0.8;
/** Chances that an interval misses its median on one side. */
const MISSED_ON_ONE_SIDE = 0.05;

/**
 * Which candidate is the best by what was measured. The first, predicted to be the best, is only left for one whose median is
 * the least and which, compared round by round, is surely faster: with nine chances of ten. Machines wander; the rounds of one
 * moment wander together.
 * @param rounds per round one request to each candidate, `null` where it gave no answer
 * @param decides false: the first stays whatever is faster, because it is not speed that was asked for
 */
export function decideByMeasurement(
  candidates: readonly [CandidateToDecide, ...CandidateToDecide[]],
  rounds: readonly (readonly (MeasuredRequest | null)[])[],
  decides: boolean,
): {readonly winner: number; readonly verified: PlanVerification} {
  const totals = candidates.map((_, at) => rounds.map(row => row[at]?.totalMs ?? null));
  const isMeasured = totals.map(values => {
    const answered = values.filter(ms => ms !== null).length;
    return answered > 0 && answered >= LEAST_ANSWERED * rounds.length;
  });
  const medians = totals.map((values, at) =>
    isMeasured[at] === true ? quantileOf(sorted(values), 0.5) : Infinity,
  );
  const differenceOf = (at: number, base: number): Interval | null => {
    const pairs = rounds.flatMap((_, round) => {
      const [one, other] = [totals[at]?.[round] ?? null, totals[base]?.[round] ?? null];
      return one === null || other === null ? [] : [one - other];
    });
    return pairs.length === 0 ? null : medianOf(pairs);
  };
  const least = (among: readonly number[]): number =>
    among.reduce((best, at) => ((medians[at] ?? Infinity) < (medians[best] ?? Infinity) ? at : best));
  const all = candidates.map((_, at) => at);
  // A first one that does not answer is no plan, whatever was asked for.
  const base = isMeasured[0] === true || !isMeasured.includes(true) ? 0 : least(all);
  const faster = decides ? all.filter(at => isMeasured[at] && (differenceOf(at, base)?.highMs ?? 0) < 0) : [];
  const winner = least([base, ...faster]);

  const rows = candidates.map(({problem, ...about}, at): VerifiedCandidate => {
    if (isMeasured[at] !== true) {
      const answered = totals[at]?.filter(ms => ms !== null).length ?? 0;
      const reason = problem ?? `answered ${answered} of ${rounds.length} requests`;
      return {...about, measured: null, verdict: at === winner ? 'chosen' : 'failed', reason};
    }
    const answers = rounds.flatMap(requests => requests[at] ?? []);
    const partOf = (part: keyof MeasuredRequest): number =>
      quantileOf(sorted(answers.map(answer => answer[part])), 0.5);
    const values = sorted(answers.map(({totalMs}) => totalMs));
    const {lowMs, highMs} = medianOf(values);
    const measured = {
      p50Ms: quantileOf(values, 0.5),
      p95Ms: quantileOf(values, 0.95),
      interval90: {lowMs, highMs},
      deviceMs: partOf('headMs'),
      linkMs: partOf('linkMs'),
      cloudMs: partOf('tailMs'),
      requests: values.length,
    };
    if (at === winner)
      return {...about, measured, verdict: 'chosen', reason: reasonOfWinner(winner, base, decides)};
    const difference = differenceOf(at, winner);
    if (difference === null)
      return {...about, measured, verdict: 'not-told-apart', reason: 'no common rounds'};
    const {p50Ms, ...interval90} = difference;
    return {
      ...about,
      measured,
      difference: {p50Ms, interval90},
      ...(interval90.lowMs > 0
        ? {verdict: 'slower', reason: `slower by ${rounded(p50Ms)} ms`}
        : interval90.highMs < 0
          ? {
              verdict: 'not-told-apart',
              reason: `faster by ${rounded(-p50Ms)} ms, which is not what was asked for`,
            }
          : {verdict: 'not-told-apart', reason: 'not told apart from the chosen one'}),
    };
  });
  const [first, ...others] = rows;
  if (first === undefined) throw new RangeError('no candidates');
  return {
    winner,
    verified: {rounds: rounds.length, isChanged: winner !== 0, candidates: [first, ...others]},
  };
}

function reasonOfWinner(winner: number, base: number, decides: boolean): string {
  if (!decides) return 'the best for what was asked for; measured';
  if (winner !== base) return 'measured to be faster than the one that was predicted to be the best';
  return winner === 0
    ? 'the best as predicted: none was measured to be surely faster'
    : 'the fastest that answered';
}

interface Interval {
  readonly p50Ms: number;
  readonly lowMs: number;
  readonly highMs: number;
}

/**
 * The median, and two of the values between which it lies with nine chances of ten or more: whatever they are distributed
 * like, so many lie below it as heads of as many tosses.
 * @see Conover, "Practical Nonparametric Statistics", on quantiles
 */
function medianOf(values: readonly number[]): Interval {
  const ordered = sorted(values);
  const count = ordered.length;
  // P(at most `dropped` of `count` tosses are heads) stays within what may be missed.
  let dropped = -1;
  let chance = 0;
  let term = 2 ** -count;
  while (dropped + 1 < count / 2 && chance + term <= MISSED_ON_ONE_SIDE) {
    dropped += 1;
    chance += term;
    term *= (count - dropped) / (dropped + 1);
  }
  const at = Math.max(0, dropped);
  return {p50Ms: quantileOf(ordered, 0.5), lowMs: ordered[at] ?? NaN, highMs: ordered[count - 1 - at] ?? NaN};
}

function sorted(values: readonly (number | null)[]): number[] {
  return values.filter(value => value !== null).sort((one, other) => one - other);
}

/** Between the two nearest values, in proportion. */
function quantileOf(ordered: readonly number[], share: number): number {
  const at = share * (ordered.length - 1);
  const below = ordered[Math.floor(at)] ?? NaN;
  return below + (at - Math.floor(at)) * ((ordered[Math.ceil(at)] ?? NaN) - below);
}

function rounded(ms: number): number {
  return Number(ms.toPrecision(3));
}
