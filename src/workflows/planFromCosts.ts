import type {PlacementAnswer} from '../documents/placementAnswer.ts';
import {costsFromYaml} from '../documents/readDocument.ts';
import {answerFromPlacement} from '../placement/tiers/answerFromPlacement.ts';
import {placeOnTiers} from '../placement/tiers/placeOnTiers.ts';
import {problemFromCosts} from '../placement/tiers/problemFromCosts.ts';
import type {TierProblem} from '../placement/tiers/tierProblem.ts';
import {readDocumentInput} from '../workspace/readDocumentInput.ts';

/**
 * Places the layers of a table of costs, with no project, model or device. Nothing is written.
 * @param file JSON or YAML; `-` is standard input
 * @throws ExpectedError `no-such-file`, `invalid-document`, `nothing-feasible`
 */
export async function planFromCosts(file: string): Promise<PlacementAnswer> {
  const {text, name} = await readDocumentInput(file);
  const costs = costsFromYaml(text, name);
  const problem = problemFromCosts(costs);
  const options = {objective: costs.objective, tierNames: costs.tiers};
  const placement = placeOnTiers(problem, options);
  // Which layers a constraint moves is seen by planning without it.
  const tiersOf = (relaxed: TierProblem): readonly number[] => placeOnTiers(relaxed, options).tiers;
  return answerFromPlacement(costs, problem, placement, {
    ...(costs.pins.length === 0 ? {} : {withoutPins: tiersOf(problemFromCosts({...costs, pins: []}))}),
    ...(Object.keys(costs.memoryBytes).length === 0
      ? {}
      : {withoutMemoryLimits: tiersOf(problemFromCosts({...costs, memoryBytes: {}}))}),
  });
}
