import type {Graph} from '../model/graph.ts';
import type {OnnxTensor} from '../model/onnx/messages.ts';
import {copyOfTensor} from '../model/onnx/tensorData.ts';

/** Dense initialisers by name: the constants that quantisation can read. */
export function constantsOf(graph: Graph): ReadonlyMap<string, OnnxTensor> {
  return new Map(graph.model.graph.initializers.map(tensor => [tensor.name, tensor]));
}

/** A copy of the values of a float32 tensor, as they lie in it. @throws ExpectedError as rangeOfTensor */
export function floatsOfTensor(tensor: OnnxTensor): Float32Array {
  return new Float32Array(copyOfTensor(tensor).buffer);
}
