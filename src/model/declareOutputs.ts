import type {MeasuredType} from './exposeAllTensors.ts';
import {createValueInfo} from './onnx/createMessages.ts';
import type {OnnxModel} from './onnx/messages.ts';
import {mapSame} from './onnx/rewriteTensors.ts';

/**
 * Outputs that declare no type or no shape, which onnx.checker refuses, get the measured type and rank; sizes stay open,
 * because they may depend on the input. The same model when all declare theirs.
 */
export function declareOutputs(model: OnnxModel, types: ReadonlyMap<string, MeasuredType>): OnnxModel {
  const outputs = mapSame(model.graph.outputs, info => {
    const measured = types.get(info.name);
    const isDeclared = info.type !== undefined && info.type.tensor === undefined;
    if (measured === undefined || isDeclared || info.type?.tensor?.shape !== undefined) return info;
    const {type} = createValueInfo(
      info.name,
      measured.elementType,
      measured.shape.map(() => null),
    );
    return type === undefined ? info : {...info, type};
  });
  return outputs === model.graph.outputs ? model : {...model, graph: {...model.graph, outputs}};
}
