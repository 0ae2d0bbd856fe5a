import type {Graph} from '../../model/graph.ts';
import {bytesOfTensor} from '../../model/onnx/tensorData.ts';

/** The values of a constant of int64, as of opset 13 all sizes and axes are; `null` when it is computed. */
export function integerConstant(graph: Graph, name: string): number[] | null {
  const tensor = graph.model.graph.initializers.find(one => one.name === name);
  if (tensor === undefined || graph.tensors.get(name)?.elementType !== 'int64') return null;
  const bytes = bytesOfTensor(tensor).slice();
  return [...new BigInt64Array(bytes.buffer, 0, bytes.byteLength / 8)].map(Number);
}
