import {string as stringFlag} from '@oclif/core/flags';
import {PARETO_GOALS, type ParetoGoal, type ParetoGoals} from '../documents/planPareto.ts';
import {EXIT, ExpectedError} from '../errors.ts';

/** Two goals to weigh against each other; part of commands that plan. */
export const paretoFlag = {
  pareto: stringFlag({
    description:
      'also list every placement that no other beats in both of two goals, such as latency,energy; of latency, energy, money and throughput',
    helpValue: 'GOAL,GOAL',
  }),
};

/** @throws ExpectedError `wrong-usage` for anything but two different goals */
export function paretoFromFlag(flag: string | undefined): ParetoGoals | undefined {
  if (flag === undefined) return undefined;
  const goals = flag.split(',').map(name => PARETO_GOALS.find(goal => goal === name.trim()));
  const [first, second, ...more] = goals;
  const isPair = (pair: readonly (ParetoGoal | undefined)[]): pair is readonly [ParetoGoal, ParetoGoal] =>
    !pair.includes(undefined);
  const pair = [first, second] as const;
  if (more.length === 0 && isPair(pair) && first !== second) return pair;
  throw new ExpectedError(
    'wrong-usage',
    `--pareto ${flag} does not name two different goals of ${PARETO_GOALS.join(', ')}.`,
    EXIT.usage,
    {hints: ['edgewise plan --pareto latency,energy']},
  );
}
