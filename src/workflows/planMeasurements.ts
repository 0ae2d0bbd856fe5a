import {taintedByInput} from '../model/taintedByInput.ts';
import type {PlacementMeasurements} from '../placement/measurements.ts';
import type {Estimates} from './estimateTimes.ts';
import {readMeasuredTiers} from './measuredTiers.ts';
import {linkForCalls, withHeaderBytes} from './messageHeaders.ts';
import type {OpenProject} from './openProject.ts';
import {goalsOfDevice, isRegionAllowed, type RequestedGoals} from './planGoals.ts';
import type {PreparedModel} from './prepareModel.ts';

/**
 * Everything that the plan of one device rests on: what was measured on its tiers and links, and what is asked for.
 * @throws ExpectedError `profile-missing`, `profile-stale`, `quantity-not-declared`
 */
export async function gatherMeasurements(
  project: OpenProject,
  device: string,
  prepared: PreparedModel,
  goals: RequestedGoals,
  estimates: Estimates | null,
): Promise<PlacementMeasurements> {
  const {graph} = prepared;
  const {tiers, links} = await readMeasuredTiers(project, device, prepared, estimates);
  // A cloud in a region that is not allowed takes no part.
  const isAllowed = isRegionAllowed(project.project);
  return {
    build: prepared.digest,
    layers: graph.layers,
    tensors: [...graph.tensors.values()].map(tensor =>
      withHeaderBytes({
        ...tensor,
        elementType: tensor.elementType ?? null,
        shape: tensor.shape ?? null,
      }),
    ),
    tiers: tiers.filter(({tier}) => isAllowed || tier !== 'cloud'),
    links: links
      .filter(({to}) => isAllowed || to !== 'cloud')
      .map(each => ({...each, link: linkForCalls(each.link, prepared.name)})),
    ...goalsOfDevice(project.project, device, goals),
    tainted: taintedByInput(graph),
  };
}
