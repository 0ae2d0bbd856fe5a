import {EXIT, ExpectedError} from '../errors.ts';
import {explainRuntimeError} from '../model/explainRuntimeError.ts';
import type {Graph} from '../model/graph.ts';

/**
 * Runs `work` and, when ONNX Runtime refuses the model, says which layer and operator it stumbled over.
 * @throws ExpectedError `operator-unsupported` (exit 13)
 */
export async function explainRejection<T>(
  graph: Graph,
  fileName: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ExpectedError) || error.code !== 'model-rejected') throw error;
    const found = explainRuntimeError(error.message, graph);
    if (found === null) throw error;
    throw new ExpectedError(
      'operator-unsupported',
      `Layer ${found.layer} of ${fileName} needs operator ${found.operator}, which the runtime does not have.`,
      EXIT.unsupported,
      {cause: error},
    );
  }
}
