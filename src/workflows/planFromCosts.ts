import type {PlacementAnswer} from '../documents/placementAnswer.ts';
import type {ParetoGoals} from '../documents/planPareto.ts';
import {costsFromYaml} from '../documents/readDocument.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {paretoOfTiers} from '../placement/goals/paretoOfTiers.ts';
import {answerFromPlacement} from '../placement/tiers/answerFromPlacement.ts';
import {placeOnTiers} from '../placement/tiers/placeOnTiers.ts';
import {problemFromCosts} from '../placement/tiers/problemFromCosts.ts';
import type {TierProblem} from '../placement/tiers/tierProblem.ts';
import {readDocumentInput} from '../workspace/readDocumentInput.ts';

/**
 * Places the layers of a table of costs, with no project, model or device. Nothing is written.
 * @param file JSON or YAML; `-` is standard input
 * @param pareto two goals to weigh against each other besides
 * @throws ExpectedError `no-such-file`, `invalid-document`, `nothing-feasible`, `quantity-not-declared`
 */
export async function planFromCosts(file: string, pareto?: ParetoGoals): Promise<PlacementAnswer> {
  requireKnownGoals(pareto);
  const {text, name} = await readDocumentInput(file);
  const costs = costsFromYaml(text, name);
  const problem = problemFromCosts(costs);
  const options = {objective: costs.objective, tierNames: costs.tiers};
  const placement = placeOnTiers(problem, options);
  // Which layers a constraint moves is seen by planning without it.
  const tiersOf = (relaxed: TierProblem): readonly number[] => placeOnTiers(relaxed, options).tiers;
  const answer = answerFromPlacement(costs, problem, placement, {
    ...(costs.pins.length === 0 ? {} : {withoutPins: tiersOf(problemFromCosts({...costs, pins: []}))}),
    ...(Object.keys(costs.memoryBytes).length === 0
      ? {}
      : {withoutMemoryLimits: tiersOf(problemFromCosts({...costs, memoryBytes: {}}))}),
  });
  if (pareto === undefined) return answer;
  return {...answer, pareto: paretoOfTiers(problem, costs.tiers, pareto, placement.tiers)};
}

function requireKnownGoals(pareto: ParetoGoals | undefined): void {
  const unknown = pareto?.find(goal => goal === 'energy' || goal === 'money');
  if (unknown === undefined) return;
  throw new ExpectedError(
    'quantity-not-declared',
    `A table of costs says nothing of ${unknown}.`,
    EXIT.usage,
    {hints: ['edgewise plan --from-costs FILE --pareto latency,throughput']},
  );
}
