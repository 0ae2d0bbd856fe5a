import type {QuantizationScheme} from '../../documents/quantizationScheme.ts';
import type {Graph, Layer} from '../../model/graph.ts';
import {createAttribute, createNode, createUntypedValueInfo} from '../../model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {tensorFromValue} from '../../model/onnx/tensorData.ts';
import {freshNames, freshTensorNames, type TakeName} from '../../model/freshNames.ts';
import {parametersFromRange} from '../parametersFromRange.ts';
import type {QuantizationPlan, TensorRange} from '../quantizationPlan.ts';
import type {TypedValues} from '../initializerPool.ts';
import {integerArray, roundingDomain, withRoundingDomain} from '../qdqWriter.ts';

/** What one candidate range of one tensor is judged by. */
export interface ProbedRange {
  readonly tensor: string;
  readonly candidate: number;
  /** Per layer that computes with the tensor: energy of what its result is off, and of the result itself. */
  readonly results: readonly {readonly noise: string; readonly signal: string}[];
}

/** Up to so many layers that are weighted or put activations together, or up to these tensors. */
export type FollowedPart = {readonly depth: number} | {readonly ends: readonly string[]};

export interface RangeProbe {
  /** The float model with branches; its outputs are the energies, one number each. */
  readonly model: OnnxModel;
  readonly probed: readonly ProbedRange[];
}

/**
 * A model that rounds each tensor to each of its candidate ranges, everything else in float, and measures what the layers
 * that read it then get wrong: after their weights, and after an absorbed Relu or the Relu behind an Add, which hide what
 * is cut off below zero. One run of it over the samples judges all candidates of all tensors.
 */
export function buildRangeProbe(
  graph: Graph,
  plan: QuantizationPlan,
  scheme: QuantizationScheme,
  candidates: ReadonlyMap<string, readonly TensorRange[]>,
  followed: FollowedPart,
): RangeProbe {
  const writer = new ProbeWriter(graph, plan, roundingDomain(graph.model, scheme.activations.elementType));
  const probed = [...candidates].flatMap(([tensor, ranges]) =>
    ranges.map((range, candidate) => ({
      tensor,
      candidate,
      results: writer.follow(tensor, writer.addRounding(tensor, range, scheme), followed),
    })),
  );
  return {model: writer.finish(), probed};
}

class ProbeWriter {
  readonly #graph: Graph;
  readonly #weighted: ReadonlySet<string>;
  readonly #domain: string;
  readonly #takeTensor: TakeName;
  readonly #takeNode: TakeName;
  readonly #nodes: OnnxNode[];
  readonly #initializers: OnnxTensor[];
  readonly #energies = new Map<string, string>();
  readonly #outputs: string[] = [];
  #count = 0;

  /** @param domain of the operators that round */
  constructor(graph: Graph, plan: QuantizationPlan, domain: string) {
    this.#graph = graph;
    this.#domain = domain;
    this.#weighted = new Set(plan.weighted.map(({layer}) => layer));
    this.#takeTensor = freshTensorNames(graph.model);
    this.#takeNode = freshNames(graph.model.graph.nodes.map(({name}) => name));
    this.#nodes = [...graph.model.graph.nodes];
    this.#initializers = [...graph.model.graph.initializers];
  }

  addRounding(tensor: string, range: TensorRange, {activations}: QuantizationScheme): string {
    const {elementType, scale, zeroPoint} = parametersFromRange(range, activations);
    const constant = (type: 'float32' | typeof elementType, values: TypedValues): string => {
      const name = this.#freshTensor();
      const bytes = new Uint8Array(values.buffer);
      this.#initializers.push(tensorFromValue(name, {elementType: type, shape: [], bytes}));
      return name;
    };
    const operands = [
      constant('float32', Float32Array.of(scale)),
      constant(elementType, integerArray(elementType, [zeroPoint])),
    ];
    const integers = this.#add('QuantizeLinear', [tensor, ...operands], this.#domain);
    return this.#add('DequantizeLinear', [integers, ...operands], this.#domain);
  }

  /**
   * A branch of the layers behind `tensor`, reading `rounded` instead: through so many that are weighted or put activations
   * together, since along skip connections it would go on to the model's end otherwise.
   */
  follow(tensor: string, rounded: string, followed: FollowedPart): {noise: string; signal: string}[] {
    const [depth, ends] = 'ends' in followed ? [Infinity, followed.ends] : [followed.depth, []];
    const copies = new Map([[tensor, {name: rounded, depth: 0}]]);
    const seen = new Set<string>();
    const {layers, tensors} = this.#graph;
    for (const layer of layers.slice((tensors.get(tensor)?.producer ?? -1) + 1)) {
      const read = [...layer.inputs, ...layer.outerInputs].filter(name => copies.has(name));
      if (read.length === 0) continue;
      const before = Math.max(...read.map(name => copies.get(name)?.depth ?? 0));
      const isStep = this.#weighted.has(layer.name) || this.#joinsActivations(layer);
      if ((isStep && before >= depth) || layer.outerInputs.length > 0) {
        for (const name of read) seen.add(name);
        continue;
      }
      const outputs = layer.node.outputs.map(name => (name === '' ? '' : this.#freshTensor()));
      const inputs = layer.node.inputs.map(name => copies.get(name)?.name ?? name);
      this.#nodes.push({...layer.node, name: this.#freshNode(), inputs, outputs});
      layer.node.outputs.forEach((name, at) => {
        copies.set(name, {name: outputs[at] ?? '', depth: before + (isStep ? 1 : 0)});
      });
    }
    const reached = ends.filter(name => copies.has(name));
    const last = reached.length > 0 ? reached : this.#graph.outputs.filter(name => copies.has(name));
    for (const name of last) seen.add(name);
    return [...seen].flatMap(name =>
      tensors.get(name)?.elementType === 'float32' ? [this.#compare(name, copies.get(name)?.name ?? '')] : [],
    );
  }

  #joinsActivations({inputs}: Layer): boolean {
    return inputs.filter(name => this.#graph.tensors.get(name)?.isWeight === false).length > 1;
  }

  finish(): OnnxModel {
    const {model} = this.#graph;
    const outputs = this.#outputs.map(createUntypedValueInfo);
    const body = {...model.graph, nodes: this.#nodes, initializers: this.#initializers, outputs};
    return {...withRoundingDomain(model, this.#domain), graph: body};
  }

  #compare(exact: string, rounded: string): {noise: string; signal: string} {
    let signal = this.#energies.get(exact);
    if (signal === undefined) {
      signal = this.#addEnergy(exact);
      this.#energies.set(exact, signal);
    }
    return {noise: this.#addEnergy(this.#add('Sub', [rounded, exact])), signal};
  }

  #addEnergy(tensor: string): string {
    const energy = this.#freshTensor();
    const attributes = [createAttribute('keepdims', {int: 0n})];
    const name = this.#freshNode();
    this.#nodes.push(createNode('ReduceSumSquare', [tensor], [energy], {name, attributes}));
    this.#outputs.push(energy);
    return energy;
  }

  #add(operator: string, inputs: readonly string[], domain = ''): string {
    const output = this.#freshTensor();
    this.#nodes.push(createNode(operator, inputs, [output], {name: this.#freshNode(), domain}));
    return output;
  }

  // Numbered here: thousands of names of one word would be numbered by trying.
  #freshTensor(): string {
    return this.#takeTensor(`probe/${(this.#count += 1)}`);
  }

  #freshNode(): string {
    return this.#takeNode(`probe/${(this.#count += 1)}`);
  }
}
