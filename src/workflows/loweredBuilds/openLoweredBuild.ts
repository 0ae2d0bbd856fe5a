import {EXIT, ExpectedError} from '../../errors.ts';
import type {Graph} from '../../model/graph.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {withMeasuredTypes} from '../../model/exposeAllTensors.ts';
import {homesInModel, type HomesInModel} from '../../model/homesInModel.ts';
import {nameLayers} from '../../model/nameLayers.ts';
import {openModel} from '../openModel.ts';
import {completeTypes} from '../measureTypes.ts';
import {inferTypes} from '../optimizedModel.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';

/** A build of lower precision, from which a tier’s part of a plan can be taken instead of from the fp32 one. */
export interface OpenLoweredBuild {
  readonly graph: Graph;
  /** `common` are only tensors of the same type and shape in both: one tier goes on from them where the other left off. */
  readonly homes: HomesInModel;
  close(): void;
}

/** @throws ExpectedError `build-artefact-missing` (exit 10) */
export async function openLoweredBuild(
  project: Pick<OpenProject, 'store' | 'withTemporaryFolder'>,
  {graph, types}: Pick<PreparedModel, 'graph' | 'types'>,
  digest: string,
): Promise<OpenLoweredBuild> {
  if (!project.store.has(digest))
    throw new ExpectedError(
      'build-artefact-missing',
      `The build ${digest.slice(0, 'sha256:'.length + 12)} is not in this project's store.`,
      EXIT.invalidDocument,
      {hints: ['edgewise compile', 'edgewise profile']},
    );
  const opened = openModel(project.store.pathOf(digest));
  try {
    // Builds leave the names of helpers out, to be small.
    const named = nameLayers(opened.model);
    const untyped = graphFromModel(named);
    const known = await project.withTemporaryFolder(async folder =>
      completeTypes(untyped, await inferTypes(named, folder), folder),
    );
    const form = withMeasuredTypes(untyped, known);
    const homes = homesInModel(graph, form);
    const isSame = (name: string): boolean => {
      const [here, there] = [types.get(name), form.tensors.get(name)];
      return here?.elementType === there?.elementType && here?.shape.join() === there?.shape?.join();
    };
    const common = new Set([...homes.common].filter(isSame));
    return {graph: form, homes: {...homes, common}, close: () => opened.close()};
  } catch (error) {
    opened.close();
    throw error;
  }
}
