import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import {freshTensorNames} from '../../model/freshNames.ts';
import type {Graph} from '../../model/graph.ts';
import {
  createGraph,
  createModel,
  createUntypedValueInfo,
  createValueInfo,
} from '../../model/onnx/createMessages.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {bytesOfTensor, elementTypeOfTensor} from '../../model/onnx/tensorData.ts';
import {constantsOf} from '../floatsOfTensor.ts';
import {exactSums, type ExactSums} from './exactSums.ts';
import {requantizeSums} from './requantizeSums.ts';
import {findSaturatingLayers, type SaturatingLayer} from './saturatingLayers.ts';
import {saturateSumsOf, type SaturateSums} from './saturateSums.ts';
import {stagesOf, type Stage} from './stages.ts';

/** Loads a model into ONNX Runtime. */
export type OpenModel = (model: OnnxModel) => Promise<OpenedModel>;

export interface OpenedModel {
  run(feeds: NamedTensors): Promise<NamedTensors>;
  close(): Promise<void>;
}

export interface EmulatedModel extends OpenedModel {
  /** Layers some of whose sums can saturate, by their names in the fused model; none: it computes the same everywhere. */
  readonly saturating: readonly string[];
  /** Layers that may saturate in an order of sums that is not known here; they are computed exactly. */
  readonly unknown: readonly string[];
}

/**
 * A model as ONNX Runtime computes it on x86 without VNNI, on whatever processor this is. The runtime computes exact sums
 * and everything between; what saturation takes from the sums, and their rounding, is done here.
 * @param graph of a quantised model that the runtime fused at level `extended` on x86
 * @see test/interoperability/saturation.test.ts: compared bit by bit with the real library under an emulated Haswell
 */
export function emulateSaturation(graph: Graph, open: OpenModel): EmulatedModel {
  const {layers, unknown} = findSaturatingLayers(graph);
  const takeName = freshTensorNames(graph.model);
  const emulations = new Map(
    layers.map(layer => [layer, {sums: exactSums(layer, takeName), saturate: saturateSumsOf(layer)}]),
  );
  const constants = constantsOf(graph);
  const stages = stagesOf(graph, layers).map(stage => ({stage, opened: null as Promise<OpenedModel> | null}));

  return {
    saturating: layers.map(({layer}) => layer.name),
    unknown,
    async run(feeds) {
      const values = new Map(Object.entries(feeds));
      for (const one of stages) {
        const {stage} = one;
        const wanted = new Map(stage.inputs.map(name => [name, valueOf(values, name)]));
        if (stage.layers.length + stage.saturating.length > 0) {
          // Types and shapes of what a stage reads are known when it is first run.
          one.opened ??= open(stageModel(stage, wanted));
          const results = await (await one.opened).run(Object.fromEntries(wanted));
          for (const [name, value] of Object.entries(results)) values.set(name, value);
        }
        for (const layer of stage.saturating)
          values.set(layer.layer.outputs[0] ?? '', resultOf(layer, values));
      }
      return Object.fromEntries(graph.outputs.map(name => [name, valueOf(values, name)]));
    },
    async close() {
      // A stage that could not be loaded has been told by `run`.
      for (const {opened} of stages) await (await opened?.catch(() => null))?.close();
    },
  };

  function stageModel(stage: Stage, inputs: ReadonlyMap<string, Tensor>): OnnxModel {
    const products = stage.saturating.map(layer => emulationOf(layer).sums);
    const {model} = graph;
    const nodes = [...stage.layers.map(({node}) => node), ...products.flatMap(product => product.nodes)];
    const read = new Set([
      ...stage.layers.flatMap(layer => [...layer.inputs, ...layer.outerInputs]),
      ...nodes.flatMap(node => node.inputs),
    ]);
    const outputs = [
      ...stage.outputs,
      ...products.map(product => product.sums),
      ...stage.saturating.flatMap(layer => dynamicOutputs(layer)),
    ];
    const body = createGraph({
      nodes,
      initializers: [
        ...model.graph.initializers.filter(({name}) => read.has(name)),
        ...products.flatMap(product => product.initializers),
      ],
      sparseInitializers: model.graph.sparseInitializers.filter(({values}) => read.has(values.name)),
      inputs: [...inputs].map(([name, {elementType, shape}]) => createValueInfo(name, elementType, shape)),
      outputs: outputs.map(createUntypedValueInfo),
    });
    const {irVersion, opsetImports, functions} = model;
    return createModel(body, {irVersion, opsetImports, functions});
  }

  function resultOf(layer: SaturatingLayer, values: ReadonlyMap<string, Tensor>): Tensor {
    const {operands, kind} = layer;
    const {sums: product, saturate} = emulationOf(layer);
    const input = valueOf(values, product.input);
    const exact = valueOf(values, product.sums);
    const saturated = saturate(input, firstByte(values, product.inputZeroPoint), exact);
    const hasOutputScale = operands.outputScale !== '';
    return requantizeSums(saturated, exact.shape, kind === 'convolution' ? 1 : exact.shape.length - 1, {
      inputScale: floatsOf(values, product.inputScale)[0] ?? 1,
      weightScales: floatsOf(values, operands.weightScale),
      bias: operands.bias === '' ? null : new Int32Array(bufferOf(values, operands.bias)),
      output: hasOutputScale
        ? {
            scale: floatsOf(values, operands.outputScale)[0] ?? 1,
            zeroPoint: firstByte(values, operands.outputZeroPoint),
          }
        : null,
      floatBias: operands.floatBias === '' ? null : floatsOf(values, operands.floatBias),
    });
  }

  function emulationOf(layer: SaturatingLayer): {readonly sums: ExactSums; readonly saturate: SaturateSums} {
    const emulation = emulations.get(layer);
    if (emulation === undefined) throw new RangeError(`${layer.layer.name} is not emulated`);
    return emulation;
  }

  function dynamicOutputs(layer: SaturatingLayer): readonly string[] {
    const {input, inputScale, inputZeroPoint} = emulationOf(layer).sums;
    return layer.isDynamic ? [input, inputScale, inputZeroPoint] : [];
  }

  function valueOf(values: ReadonlyMap<string, Tensor>, name: string): Tensor {
    const value = values.get(name);
    if (value !== undefined) return value;
    const constant = constants.get(name);
    if (constant === undefined) throw new RangeError(`nothing gives the tensor ${name}`);
    return {
      elementType: elementTypeOfTensor(constant),
      shape: constant.dims,
      bytes: bytesOfTensor(constant),
    };
  }

  function bufferOf(values: ReadonlyMap<string, Tensor>, name: string): ArrayBuffer {
    return new Uint8Array(valueOf(values, name).bytes).buffer;
  }

  function floatsOf(values: ReadonlyMap<string, Tensor>, name: string): Float32Array {
    return new Float32Array(bufferOf(values, name));
  }

  function firstByte(values: ReadonlyMap<string, Tensor>, name: string): number {
    return name === '' ? 0 : (valueOf(values, name).bytes[0] ?? 0);
  }
}
