import type {Tensor} from '../documents/tensor.ts';
import {dropUnused} from './dropUnused.ts';
import {graphFromModel} from './graphFromModel.ts';
import type {Layer} from './graph.ts';
import {createUntypedValueInfo} from './onnx/createMessages.ts';
import type {OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor} from './onnx/messages.ts';
import {tensorFromValue} from './onnx/tensorData.ts';
import {pruneOpsetImports} from './pruneOpsetImports.ts';
import {bodiesOf} from './subgraphs.ts';
import {isPortable, unportableTensors} from './unportableTensors.ts';

/** Runs a model without inputs and gives all of its outputs by name. */
export type RunModel = (model: OnnxModel) => Promise<ReadonlyMap<string, Tensor>>;

const NEVER_FOLDED = new Set([
  // Folding it would turn quantised weights back into floats, and the int8 kernels would be lost without any error.
  'DequantizeLinear',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
]);

/**
 * Replaces Constant nodes, and all nodes that depend on constants only, by initialisers; else weights that are computed
 * would cross the cut. Left alone: DequantizeLinear, random operators, control flow, and what makes 4-bit types,
 * sequences, strings or anything else the runtime cannot hand out.
 * @throws whatever `runModel` throws, and ExpectedError as graphFromModel
 */
export async function foldConstants(model: OnnxModel, runModel: RunModel): Promise<OnnxModel> {
  const plain = dropUnused(foldConstantNodes(model));
  const graph = graphFromModel(plain);
  const unportable = unportableTensors(graph);
  const constants = new Set(plain.graph.initializers.map(({name}) => name));
  const folded: Layer[] = [];
  for (const layer of graph.layers) {
    if (!isFoldable(layer) || !layer.inputs.every(name => constants.has(name) && !unportable.has(name)))
      continue;
    if (layer.outputs.some(name => unportable.has(name))) continue;
    folded.push(layer);
    for (const name of layer.outputs) constants.add(name);
  }
  if (folded.length === 0) return plain;

  const isFolded = new Set(folded.map(layer => layer.index));
  const results = folded
    .flatMap(layer => layer.outputs)
    .filter(name => {
      const tensor = graph.tensors.get(name);
      return tensor?.isOutput === true || tensor?.consumers.some(index => !isFolded.has(index)) === true;
    });
  const reads = new Set(folded.flatMap(layer => layer.inputs));
  const values = await runModel(
    pruneOpsetImports({
      ...plain,
      graph: {
        ...plain.graph,
        nodes: folded.map(layer => layer.node),
        initializers: plain.graph.initializers.filter(({name}) => reads.has(name)),
        sparseInitializers: [],
        inputs: [],
        outputs: results.map(createUntypedValueInfo),
        valueInfos: [],
      },
    }),
  );
  const initializers = results.flatMap((name): OnnxTensor[] => {
    const value = values.get(name);
    const isUsable = value !== undefined && value.elementType !== 'string' && isPortable(value.elementType);
    return isUsable ? [tensorFromValue(name, value)] : [];
  });
  return withInitializers(plain, initializers);
}

/** Constant nodes as initialisers, where the value is a dense tensor or a number or list of numbers. */
function foldConstantNodes(model: OnnxModel): OnnxModel {
  const initializers = model.graph.nodes.flatMap((node): OnnxTensor[] => {
    const [name] = node.outputs;
    if (node.operator !== 'Constant' || node.domain !== '' || name === undefined) return [];
    const value = node.attributes
      .map(attribute => tensorOfAttribute(name, attribute))
      .find(found => found !== null);
    return value ? [value] : [];
  });
  return initializers.length === 0 ? model : withInitializers(model, initializers);
}

function tensorOfAttribute(name: string, attribute: OnnxAttribute): OnnxTensor | null {
  switch (attribute.name) {
    case 'value':
      return attribute.tensor === undefined ? null : {...attribute.tensor, name};
    case 'value_float':
      return tensorFromValue(name, {
        elementType: 'float32',
        shape: [],
        bytes: floats([attribute.float ?? 0]),
      });
    case 'value_floats': {
      const shape = [attribute.floats.length];
      return tensorFromValue(name, {elementType: 'float32', shape, bytes: floats(attribute.floats)});
    }
    case 'value_int':
      return tensorFromValue(name, {elementType: 'int64', shape: [], bytes: integers([attribute.int ?? 0n])});
    case 'value_ints': {
      const shape = [attribute.ints.length];
      return tensorFromValue(name, {elementType: 'int64', shape, bytes: integers(attribute.ints)});
    }
    default:
      return null;
  }
}

/** The new weights instead of the nodes that made them; a node is dropped when all its read outputs are weights now. */
function withInitializers(model: OnnxModel, initializers: readonly OnnxTensor[]): OnnxModel {
  const made = new Set(initializers.map(({name}) => name));
  const nodes = model.graph.nodes.flatMap((node): OnnxNode[] => {
    if (!node.outputs.some(name => made.has(name))) return [node];
    const outputs = node.outputs.map(name => (made.has(name) ? '' : name));
    return outputs.every(name => name === '') ? [] : [{...node, outputs: renameFolded(node, made)}];
  });
  return dropUnused({
    ...model,
    graph: {
      ...model.graph,
      nodes,
      initializers: [...model.graph.initializers, ...initializers],
      valueInfos: model.graph.valueInfos.filter(({name}) => !made.has(name)),
    },
  });
}

/** A node that must stay for another output keeps its place for this one under a name that nobody reads. */
function renameFolded(node: OnnxNode, made: ReadonlySet<string>): string[] {
  return node.outputs.map(name => (made.has(name) ? `${name}/folded` : name));
}

function isFoldable({operator, node, outputs}: Layer): boolean {
  return outputs.length > 0 && !NEVER_FOLDED.has(operator) && bodiesOf(node).length === 0;
}

function floats(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setFloat32(index * 4, value, true));
  return bytes;
}

function integers(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setBigInt64(index * 8, value, true));
  return bytes;
}
