import {EXIT, ExpectedError} from '../../errors.ts';
import {searchGoal} from './goalSearch.ts';
import type {Limit} from './goalSearch.ts';
import type {MeasuredGoal} from './measuredGoal.ts';
import {restrictSpace} from './restrictions.ts';
import type {Restriction} from './restrictions.ts';
import {amountOf} from './space.ts';

type Constraint =
  | {readonly kind: 'restriction'; readonly restriction: Restriction}
  | {readonly kind: 'limit'; readonly limit: Limit};

/**
 * The error for constraints that no placement keeps to together: a smallest set of them that still contradict each other,
 * found by leaving out one after the other, and for each limit in it the least that the others leave possible.
 */
export function errorFromGoal(goal: MeasuredGoal): ExpectedError {
  const all: Constraint[] = [
    ...goal.restrictions.map(restriction => ({kind: 'restriction' as const, restriction})),
    ...goal.limits.map(limit => ({kind: 'limit' as const, limit})),
  ];
  let isProven = true;
  const isPossible = (constraints: readonly Constraint[]): boolean => {
    const {best, isExhausted} = answerTo(goal, constraints);
    if (best === null && !isExhausted) isProven = false;
    return best !== null;
  };
  let needed = all;
  for (const constraint of all) {
    const without = needed.filter(other => other !== constraint);
    if (!isPossible(without)) needed = without;
  }
  if (needed.length === 0) isPossible([]);
  const clauses = needed.map(constraint => {
    if (constraint.kind === 'restriction') return constraint.restriction.name;
    const {limit} = constraint;
    const {best} = answerTo(
      goal,
      needed.filter(other => other !== constraint),
      limit,
    );
    if (best === null) return limit.name;
    const least = amountOf(goal.space, limit.measure, best) + (limit.extraOf?.(best) ?? 0);
    return `${limit.name} (at least ${inUnits(goal, limit, least)} is possible, ${inUnits(goal, limit, limit.most)} is allowed)`;
  });
  const sentence =
    clauses.length === 0
      ? 'over the links that there are no placement gets every tensor where it is needed'
      : clauses.length === 1
        ? `${clauses[0] ?? ''} cannot be kept`
        : `${clauses.slice(0, -1).join(', ')} and ${clauses.at(-1) ?? ''} cannot be kept together`;
  return new ExpectedError(
    'nothing-feasible',
    isProven
      ? `No placement fits: ${sentence}.`
      : `No placement was found, though none was excluded: ${sentence}.`,
    EXIT.unsupported,
    {hints: ['Loosen or take away one of these constraints; any one of them is enough.']},
  );
}

function answerTo(goal: MeasuredGoal, constraints: readonly Constraint[], minimised?: Limit) {
  const space = restrictSpace(
    goal.space,
    constraints.flatMap(each => (each.kind === 'restriction' ? [each.restriction] : [])),
  );
  const limits = constraints.flatMap(each => (each.kind === 'limit' ? [each.limit] : []));
  return searchGoal({space, objective: minimised?.measure ?? goal.latency, limits});
}

/** What a request takes wherever layers run is told with its latency. */
function inUnits({requestOverheadNs}: MeasuredGoal, {name}: Limit, amount: number): string {
  const round = (value: number): string => `${Number(value.toPrecision(4))}`;
  if (name === 'maxLatency') return `${round((amount + requestOverheadNs) / 1e6)} ms`;
  if (name === 'maxEnergy') return `${round(amount / 1e6)} mJ`;
  if (name === 'maxMoney') return round(amount / 1e12);
  return name === 'minDeviceLayers' ? `${amount} layers elsewhere` : `${amount} bytes`;
}
