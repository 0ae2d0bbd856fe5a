import {EXIT, ExpectedError} from '../errors.ts';
import {explainRuntimeError} from '../model/explainRuntimeError.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';

/**
 * Runs `work` and, when ONNX Runtime refuses the model, says which layer and operator it stumbled over.
 * @throws ExpectedError `operator-unsupported` (exit 13)
 */
export async function explainRejection<T>(
  model: OnnxModel,
  fileName: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ExpectedError) || error.code !== 'model-rejected') throw error;
    const found = explainRuntimeError(error.message, graphFromModel(model));
    if (found === null) throw error;
    throw new ExpectedError(
      'operator-unsupported',
      `Layer ${found.layer} of ${fileName} needs operator ${found.operator}, which the runtime does not have.`,
      EXIT.unsupported,
      {cause: error},
    );
  }
}
