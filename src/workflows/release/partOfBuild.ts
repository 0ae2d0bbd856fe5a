import {EXIT, ExpectedError} from '../../errors.ts';
import type {ChainLink} from '../../model/extractChain.ts';
import {modelBetween} from '../../model/modelUpTo.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {roundInputsAgain} from '../../quantize/boundary/roundAgain.ts';
import {openLoweredBuild, type OpenLoweredBuild} from '../loweredBuilds/openLoweredBuild.ts';
import {withOptimizedModel} from '../loweredBuilds/withOptimizedModel.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';

/**
 * One link of a plan's chain as it is served: as it is, or what a lowered build has in its place, fused as machines open files
 * without doing so. It takes and gives the same tensors by the same names.
 * @param build its digest; `null`: the fp32 one, of which the link is
 * @throws ExpectedError `build-artefact-missing`, `build-cannot-be-cut`
 */
export async function withServedLink<T>(
  project: Pick<OpenProject, 'store' | 'withTemporaryFolder'>,
  prepared: Pick<PreparedModel, 'graph' | 'types'>,
  {model, inputs, outputs}: ChainLink,
  build: string | null,
  work: (model: OnnxModel) => Promise<T>,
): Promise<T> {
  if (build === null) return work(model);
  const opened = await openLoweredBuild(project, prepared, build);
  try {
    return await withOptimizedModel(project, partOfBuild(opened, inputs, outputs), work);
  } finally {
    opened.close();
  }
}

/** What a build makes `outputs` of `inputs` with, in its precision from the first layer on. @throws ExpectedError `build-cannot-be-cut` (exit 13) */
export function partOfBuild(
  {graph}: OpenLoweredBuild,
  inputs: readonly string[],
  outputs: readonly string[],
): OnnxModel {
  try {
    return roundInputsAgain(modelBetween(graph, inputs, outputs), graph);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ExpectedError(
      'build-cannot-be-cut',
      `The build of lower precision has no part of its own there: ${error.message}.`,
      EXIT.unsupported,
      {hints: ['edgewise plan --precision fp32'], cause: error},
    );
  }
}
