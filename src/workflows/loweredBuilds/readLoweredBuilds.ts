import {weightsInModel} from '../../model/weightsInModel.ts';
import type {Precision} from '../../documents/precisions.ts';
import type {Profile} from '../../documents/profile.ts';
import type {OpenProject} from '../openProject.ts';
import type {LoweredBuild} from '../precision/boundaryCandidates.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {openLoweredBuild} from './openLoweredBuild.ts';

/** The builds that a machine was profiled with, as long as they are here and of an allowed precision. */
export async function readLoweredBuilds(
  project: OpenProject,
  prepared: PreparedModel,
  {models}: Pick<Profile, 'models'>,
  allowed: 'any' | readonly Precision[],
): Promise<LoweredBuild[]> {
  const builds: LoweredBuild[] = [];
  for (const times of models) {
    const {build, lowered} = times;
    if (lowered?.of !== prepared.digest || !project.store.has(build)) continue;
    if (allowed !== 'any' && !allowed.includes(lowered.precision)) continue;
    const opened = await openLoweredBuild(project, prepared, build);
    const weights = weightsInModel(opened.graph, opened.homes);
    opened.close();
    builds.push({precision: lowered.precision, build, times, weights, common: opened.homes.common});
  }
  return builds;
}
