import type {Build} from '../../documents/build.ts';
import type {ModelTimes} from '../../documents/profile.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {timesInModel} from '../../model/timesInModel.ts';
import {modelTimesFrom, type MeasuredModel} from '../measuredModel.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {writeSegment, type SegmentFiles} from '../writeSegment.ts';
import {openLoweredBuild} from './openLoweredBuild.ts';
import {withOptimizedModel} from './withOptimizedModel.ts';

/**
 * How long each of the model's layers takes in a build of lower precision, as it would be served; `measure` has the machine run
 * it. What a request costs besides is the same whatever the precision, so it is taken from the fp32 build's times (`base`), and
 * so is how much longer layers take in a request.
 */
export async function timeLoweredBuild(
  project: OpenProject,
  prepared: PreparedModel,
  {artefact, precision}: Build,
  base: ModelTimes,
  measure: (segment: SegmentFiles) => Promise<MeasuredModel>,
): Promise<ModelTimes> {
  const build = await openLoweredBuild(project, prepared, artefact.digest);
  try {
    return await withOptimizedModel(project, build.graph.model, async optimized => {
      const measured = await measure(await writeSegment(project.store, 'model', optimized));
      const inRequest = sumOf(base.layers) / base.wholeRun.medianMs;
      const share = (measured.wholeRun.medianMs * inRequest) / sumOf(measured.layers);
      const timed = measured.layers.map(layer => ({...layer, ms: layer.ms * share}));
      return {
        ...modelTimesFrom(artefact.digest, measured),
        lowered: {of: prepared.digest, precision},
        layers: timesInModel(prepared.graph, graphFromModel(optimized), build.homes, timed),
        requestOverhead: base.requestOverhead,
        sessionOverhead: base.sessionOverhead,
        ...(base.sustained === undefined ? {} : {sustained: base.sustained}),
      };
    });
  } finally {
    build.close();
  }
}

function sumOf(layers: readonly {readonly ms: number}[]): number {
  return layers.reduce((sum, {ms}) => sum + ms, 0);
}
