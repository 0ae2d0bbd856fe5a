import {freshTensorNames} from '../model/freshNames.ts';
import {createAttribute, createNode} from '../model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../model/onnx/messages.ts';
import {elementTypeOfTensor, tensorFromValue} from '../model/onnx/tensorData.ts';
import {floatsOfTensor} from './floatsOfTensor.ts';
import {float16FromFloat32} from './precision/float16.ts';

const FLOAT32_CODE = 1;
/** Of a tensor: below it the node takes as much room as is saved. */
const FEWEST_WEIGHTS = 64;
/** The largest number of half precision. */
const LARGEST_HALF = 65_504;

/**
 * The model with matrices and filters of its float layers stored in half precision, and a Cast that the runtime computes
 * when it loads: what an integer model leaves in float would take four times the room otherwise. Rounding them costs 2^-11
 * of each number, far below the noise of the integers. For runtimes that compute constants before they fuse.
 */
export function halveFloatWeights(model: OnnxModel): OnnxModel {
  const {graph} = model;
  const takeName = freshTensorNames(model);
  const outputs = new Set(graph.outputs.map(({name}) => name));
  const casts: OnnxNode[] = [];
  const initializers = graph.initializers.map(tensor => {
    if (outputs.has(tensor.name) || !isMatrix(tensor)) return tensor;
    const floats = floatsOfTensor(tensor);
    if (!floats.every(value => Math.abs(value) <= LARGEST_HALF)) return tensor;
    const name = takeName(`${tensor.name}_half`);
    const to = createAttribute('to', {int: BigInt(FLOAT32_CODE)});
    casts.push(createNode('Cast', [name], [tensor.name], {attributes: [to]}));
    const bytes = new Uint8Array(float16FromFloat32(floats).buffer);
    return tensorFromValue(name, {elementType: 'float16', shape: tensor.dims, bytes});
  });
  if (casts.length === 0) return model;
  return {...model, graph: {...graph, nodes: [...casts, ...graph.nodes], initializers}};
}

function isMatrix(tensor: OnnxTensor): boolean {
  const count = tensor.dims.reduce((product, size) => product * size, 1);
  return tensor.dims.length > 1 && count >= FEWEST_WEIGHTS && elementTypeOfTensor(tensor) === 'float32';
}
