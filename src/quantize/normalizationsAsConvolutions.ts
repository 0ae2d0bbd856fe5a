import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {affineOfNormalization, isInferenceNormalization, type Affine} from '../model/batchNormalization.ts';
import {constantFloats, floatTensor} from '../model/constantFloats.ts';
import {withMeasuredTypes, type MeasuredType} from '../model/exposeAllTensors.ts';
import {freshTensorNames} from '../model/freshNames.ts';
import type {Graph, Layer} from '../model/graph.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {createAttribute, createNode} from '../model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../model/onnx/messages.ts';
import {replaceNodes} from '../model/replaceNodes.ts';
import {followedBy} from './decodeTails.ts';
import {planQuantization} from './planQuantization.ts';

export interface ReplacedNormalizations {
  readonly graph: Graph;
  /** Names of the layers that are convolutions now; they keep their names. */
  readonly replaced: readonly string[];
}

/**
 * Writes the BatchNormalizations that no layer could take in, and that lie between quantised layers, as convolutions of
 * one pixel and one channel a group. Runtimes have integer kernels for those, and none for BatchNormalization, so networks
 * that normalise first (DenseNet, pre-activation ResNets) stay in integers throughout.
 */
export function normalizationsAsConvolutions(
  graph: Graph,
  scheme: QuantizationScheme,
): ReplacedNormalizations {
  const isWeighted = new Set(planQuantization(graph, scheme).weighted.map(({layer}) => layer));
  const weighted = new Set(graph.layers.filter(({name}) => isWeighted.has(name)).map(({index}) => index));
  const isFollowed = followedBy(graph, weighted);
  const isPreceded = precededBy(graph, weighted);
  const constantOf = constantFloats(graph.model);
  const takeName = freshTensorNames(graph.model);
  const replacements = new Map<OnnxNode, readonly OnnxNode[]>();
  const added: OnnxTensor[] = [];
  const replaced: string[] = [];
  const isWorthIt = hasConvolutionsOnly(scheme);
  for (const layer of isWorthIt ? graph.layers : []) {
    if (!isFollowed.has(layer.index) || !isPreceded.has(layer.index) || !isInferenceNormalization(layer))
      continue;
    const rank = graph.tensors.get(layer.node.inputs[0] ?? '')?.shape?.length ?? 0;
    const affine = rank < 3 ? null : affineOfNormalization(layer, constantOf);
    if (affine === null) continue;
    const weight = floatTensor(
      takeName(`${layer.name}_factors`),
      [affine.factors.length, 1, ...new Array<number>(rank - 2).fill(1)],
      Float32Array.from(affine.factors),
    );
    const bias = floatTensor(
      takeName(`${layer.name}_offsets`),
      [affine.offsets.length],
      Float32Array.from(affine.offsets),
    );
    added.push(weight, bias);
    replacements.set(layer.node, [convolutionOf(layer, affine, weight.name, bias.name)]);
    replaced.push(layer.name);
  }
  if (replaced.length === 0) return {graph, replaced};
  const changed = graphFromModel(replaceNodes(graph.model, replacements, added));
  return {graph: withMeasuredTypes(changed, typesOf(graph)), replaced};
}

/** TensorRT, where results of weighted layers stay in float, takes scalings into the layers around them by itself. */
function hasConvolutionsOnly({operators, leavesWeightedOutputs}: QuantizationScheme): boolean {
  const isConvolving = operators['Conv']?.kind === 'weighted' && leavesWeightedOutputs !== true;
  return isConvolving && operators['BatchNormalization'] === undefined;
}

function convolutionOf({node}: Layer, {factors}: Affine, weight: string, bias: string): OnnxNode {
  const [input = ''] = node.inputs;
  const group = createAttribute('group', {int: BigInt(factors.length)});
  return createNode('Conv', [input, weight, bias], node.outputs, {name: node.name, attributes: [group]});
}

/** Indices of the layers that can be reached from some layer of `wanted`. */
function precededBy(graph: Graph, wanted: ReadonlySet<number>): Set<number> {
  const preceded = new Set<number>();
  for (const layer of graph.layers) {
    const isPreceded = [...layer.inputs, ...layer.outerInputs].some(name => {
      const producer = graph.tensors.get(name)?.producer ?? -1;
      return wanted.has(producer) || preceded.has(producer);
    });
    if (isPreceded) preceded.add(layer.index);
  }
  return preceded;
}

function typesOf(graph: Graph): Map<string, MeasuredType> {
  return new Map(
    [...graph.tensors.values()].flatMap(({name, elementType, shape}): [string, MeasuredType][] =>
      elementType === undefined || shape === undefined ? [] : [[name, {elementType, shape}]],
    ),
  );
}
