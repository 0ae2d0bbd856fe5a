import type {OnnxModel} from '../../model/onnx/messages.ts';
import {openOptimizedModel} from '../optimizedModel.ts';
import type {OpenProject} from '../openProject.ts';
import {storeWeights} from '../storeWeights.ts';

/** The model as it is served: fused into integer kernels at the portable level, because agents open files as they are. */
export async function withOptimizedModel<T>(
  project: Pick<OpenProject, 'withTemporaryFolder'>,
  model: OnnxModel,
  work: (optimized: OnnxModel) => Promise<T>,
): Promise<T> {
  return project.withTemporaryFolder(async folder => {
    const stored = await storeWeights(model, folder);
    const optimized = await openOptimizedModel(stored.model, folder, 'extended').finally(() =>
      stored.close(),
    );
    try {
      return await work(optimized.model);
    } finally {
      optimized.close();
    }
  });
}
