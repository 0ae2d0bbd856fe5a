import type {QuantizationScheme} from '../documents/quantizationScheme.ts';
import {dropUnused} from '../model/dropUnused.ts';
import type {Graph, Layer} from '../model/graph.ts';
import type {OnnxModel, OnnxTensor} from '../model/onnx/messages.ts';
import {activationParameters} from './activationParameters.ts';
import {anchorChannelsLast} from './anchorChannelsLast.ts';
import {constantsOf, floatsOfTensor} from './floatsOfTensor.ts';
import {guardFloatLayers} from './guardFloatLayers.ts';
import {layerWeights, type LayerWeights} from './layerWeights.ts';
import {quantizeValues} from './quantizeValues.ts';
import type {
  CorrectedValues,
  QuantizationParameters,
  QuantizationPlan,
  TensorRange,
  WeightedLayer,
} from './quantizationPlan.ts';
import {integerArray, QdqWriter} from './qdqWriter.ts';
import {writeWeightedLayer, type WrittenWeights} from './writeWeightedLayer.ts';

/**
 * The model with the plan carried out in QDQ form: every quantised activation passes a QuantizeLinear and a
 * DequantizeLinear, weights and biases of weighted layers are integers before a DequantizeLinear. Inputs, outputs and
 * layers keep their names. A tensor that integer kernels make keeps its name behind the pair; what they compute, before
 * it is rounded, is the first output of the node with the layer's name.
 * @param ranges of all tensorsToMeasure(plan)
 * @param corrected what replaces plain rounding
 * @throws RangeError for a model below opset 13, which cannot express scales per channel, and for a missing range
 * @see https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, QDQ format
 */
export function quantizeGraph(
  graph: Graph,
  plan: QuantizationPlan,
  scheme: QuantizationScheme,
  ranges: ReadonlyMap<string, TensorRange>,
  corrected: Partial<CorrectedValues> = {},
): OnnxModel {
  const parameters = activationParameters(graph, plan, scheme, ranges);
  const constants = constantsOf(graph);
  const writer = new QdqWriter(graph.model, scheme.activations.elementType);
  const isInteger = new Set(plan.quantizedLayers);
  const weighted = new Map(plan.weighted.map(layer => [layer.layer, layer]));
  const carried = carriedResults(graph, plan);
  const written: WrittenWeights = new Map();
  // What integer layers read instead of tensors that callers, initialisers and float layers provide.
  const rounded = new Map<string, string>();

  for (const [name, own] of parameters) {
    const constant = constants.get(name);
    if (constant !== undefined) rounded.set(name, roundConstant(writer, constant, own));
    else if (graph.tensors.get(name)?.producer === null)
      rounded.set(name, roundForReaders(writer, name, own));
  }
  for (const layer of graph.layers) {
    if (plan.absorbed.has(layer.name)) continue;
    if (isInteger.has(layer.name)) addIntegerLayer(layer);
    else addFloatLayer(layer);
  }
  return forRuntime(dropUnused(writer.finish()));

  function forRuntime(model: OnnxModel): OnnxModel {
    const floatLayers = new Set(plan.floatLayers.map(({layer}) => layer));
    const guarded =
      scheme.quantizesFloatLayers === true ? guardFloatLayers(model, scheme, floatLayers) : model;
    return scheme.movesChannelsLast === true
      ? anchorChannelsLast(guarded, graph, scheme, floatLayers)
      : guarded;
  }

  function addFloatLayer(layer: Layer): void {
    writer.addNode(layer.node);
    for (const name of layer.outputs) {
      const own = parameters.get(name);
      if (own !== undefined) rounded.set(name, roundForReaders(writer, name, own));
    }
  }

  function addIntegerLayer(layer: Layer): void {
    const results = layer.node.outputs.map(name => carried.get(name) ?? name);
    const outputs = layer.node.outputs.map((name, index) => {
      const isSame = results[index] === name;
      return isSame && parameters.has(name) ? writer.freshTensor(`${name}_unrounded`) : name;
    });
    const inputs = layer.node.inputs.map(name => rounded.get(name) ?? name);
    const here = weighted.get(layer.name);
    const node = {...layer.node, inputs, outputs};
    if (here === undefined) writer.addNode(node);
    else writeWeightedLayer(writer, scheme, here, node, valuesOf(here, layer), written);
    results.forEach((name, index) => {
      const own = parameters.get(name);
      if (own === undefined) return;
      const operands = writer.scalarOperands(name, own);
      writer.addDequantize(name, writer.addQuantize(name, outputs[index] ?? '', operands), name, operands);
    });
  }

  function valuesOf(here: WeightedLayer, layer: Layer): LayerWeights {
    const inputScale = parameters.get(here.input)?.scale ?? 1;
    const weight = constants.get(here.weight);
    if (weight === undefined) throw new RangeError(`no weights "${here.weight}"`);
    const bias = constants.get(here.bias ?? '') ?? null;
    return layerWeights(here, layer, {weight, bias}, inputScale, scheme, corrected);
  }
}

/** Constant operands of integer layers: integers before a DequantizeLinear. Returns what those layers read. */
function roundConstant(writer: QdqWriter, constant: OnnxTensor, parameters: QuantizationParameters): string {
  const {name, dims} = constant;
  const {elementType} = parameters;
  const values = integerArray(elementType, quantizeValues(floatsOfTensor(constant), parameters));
  const integers = writer.addInitializer(`${name}_quantized`, elementType, dims, values);
  const target = writer.freshTensor(`${name}_dequantized`);
  writer.addDequantize(name, integers, target, writer.scalarOperands(name, parameters));
  return target;
}

/** A pair beside a tensor that float layers go on reading as it is. Returns what integer layers read. */
function roundForReaders(writer: QdqWriter, name: string, parameters: QuantizationParameters): string {
  const operands = writer.scalarOperands(name, parameters);
  const target = writer.freshTensor(`${name}_dequantized`);
  writer.addDequantize(name, writer.addQuantize(name, name, operands), target, operands);
  return target;
}

/** What the result of a layer is called once the Relu or Clip after it has been absorbed. */
function carriedResults(graph: Graph, {absorbed}: QuantizationPlan): Map<string, string> {
  return new Map(
    graph.layers.flatMap(({name, inputs: [input], outputs: [output]}): [string, string][] =>
      absorbed.has(name) && input !== undefined && output !== undefined ? [[input, output]] : [],
    ),
  );
}
