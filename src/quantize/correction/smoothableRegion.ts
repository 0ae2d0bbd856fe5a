import type {Graph, Layer} from '../../model/graph.ts';
import {axisPlaces, inverse} from './axisPlaces.ts';
import {
  alignedAxes,
  areEqualAxes,
  isOnLastAxis,
  movedAxes,
  reshapedAxes,
  type ChannelAxes,
} from './channelAxes.ts';
import {isOwnConstant, productOperands} from './productOperands.ts';

/** f(a·x) = a·f(x) for a > 0, element by element; the first input is the one that counts. */
const HOMOGENEOUS = new Set(['Relu', 'LeakyRelu', 'PRelu', 'Identity', 'Dropout', 'Abs', 'Neg']);
const RESHAPES = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);
/** Scale, and bias where there is one, follow the input. */
const NORMALIZATIONS = new Set(['LayerNormalization', 'RMSNormalization']);

/**
 * The tensors whose channels grow and shrink together with those of one, and the constants that make that so. It grows
 * from a tensor through the layers that make and read it until everywhere a constant of its own takes the factors up or
 * back; whatever else it meets makes it unscalable.
 */
export class SmoothableRegion {
  readonly #graph: Graph;
  readonly #axes = new Map<string, ChannelAxes>();
  readonly #waiting: string[] = [];
  readonly #keptOut = new Set<string>();
  readonly #factor: 'first' | 'second';
  /** Constants whose channels shrink with the tensors', by name. */
  readonly divided = new Map<string, ChannelAxes>();
  /** Constants that make up for it. */
  readonly multiplied = new Map<string, ChannelAxes>();
  /** The tensors with which the latter are multiplied; their last axis has the channels. */
  readonly readTensors = new Set<string>();

  /** @param factor which of two activations that are multiplied takes the factors up, as in gated perceptrons */
  constructor(graph: Graph, factor: 'first' | 'second') {
    this.#graph = graph;
    this.#factor = factor;
  }

  /** Whether the channels of the last axis of `start` can be scaled. To be called once. */
  growFrom(start: string): boolean {
    const last = this.#shapeOf(start).length - 1;
    let isScalable = this.#join(start, new Map([[last, 1]]));
    for (let name = this.#waiting.pop(); isScalable && name !== undefined; name = this.#waiting.pop()) {
      const {producer, consumers} = this.#graph.tensors.get(name) ?? {producer: null, consumers: []};
      const readers = consumers.map(index => this.#graph.layers[index]);
      isScalable =
        this.#growThroughMaker(this.#graph.layers[producer ?? -1], name) &&
        readers.every(layer => this.#growThroughReader(layer, name));
    }
    return isScalable && ![...this.#keptOut].some(name => this.#axes.has(name));
  }

  #growThroughMaker(layer: Layer | undefined, name: string): boolean {
    const axes = this.#axes.get(name);
    if (layer?.domain !== '' || layer.outputs[0] !== name || axes === undefined) return false;
    const [first = '', second = '', third = ''] = layer.node.inputs;
    const operands = productOperands(this.#graph, layer);
    if (operands !== null && isOnLastAxis(axes, this.#shapeOf(name))) {
      this.divided.set(operands.weight, new Map([[1 - operands.inputAxis, 1]]));
      return operands.bias === null || this.#divide(operands.bias, name, axes);
    }
    if (NORMALIZATIONS.has(layer.operator))
      return this.#divide(second, name, axes) && (third === '' || this.#divide(third, name, axes));
    if (layer.operator === 'Mul') return this.#growThroughFactor(first, second, name, axes);
    if (layer.operator === 'MatMul') {
      const shape = this.#shapeOf(name);
      // A result's rows are those of the left side, its columns those of the right side.
      const isOfRightSide = axes.has(shape.length - 1) && !axes.has(shape.length - 2);
      this.#keptOut.add(first);
      return (
        isOfRightSide &&
        this.#areMatrices(first, second, name) &&
        this.#join(second, alignedAxes(axes, shape, this.#shapeOf(second)))
      );
    }
    return this.#growThroughLinear(layer, name, axes);
  }

  #growThroughReader(layer: Layer | undefined, name: string): boolean {
    const axes = this.#axes.get(name);
    const isReadOnce = layer?.node.inputs.filter(input => input === name).length === 1;
    if (layer?.domain !== '' || axes === undefined || !isReadOnce) return false;
    if (layer.outerInputs.includes(name)) return false;
    const [first = '', second = ''] = layer.node.inputs;
    const [output = ''] = layer.outputs;
    const shape = this.#shapeOf(name);
    const operands = productOperands(this.#graph, layer);
    if (operands?.input === name && isOnLastAxis(axes, shape)) {
      this.multiplied.set(operands.weight, new Map([[operands.inputAxis, 1]]));
      this.readTensors.add(name);
      return true;
    }
    if (layer.operator === 'Mul') {
      this.#keptOut.add(name === first ? second : first);
      return this.#join(output, alignedAxes(axes, shape, this.#shapeOf(output)));
    }
    if (layer.operator === 'MatMul') {
      const summedAxis = shape.length - (name === first ? 1 : 2);
      this.#keptOut.add(name === first ? second : first);
      return (
        !axes.has(summedAxis) &&
        this.#areMatrices(first, second, output) &&
        this.#join(output, alignedAxes(axes, shape, this.#shapeOf(output)))
      );
    }
    return this.#growThroughLinear(layer, name, axes);
  }

  /** Back through a Mul: into its constant, where that counts the channels, else into one of the factors. */
  #growThroughFactor(first: string, second: string, output: string, axes: ChannelAxes): boolean {
    // The region came here from one of the factors.
    if (this.#axes.has(first) || this.#axes.has(second)) return true;
    const constant = [first, second].find(name => this.#graph.tensors.get(name)?.isWeight === true);
    if (constant !== undefined && this.#divide(constant, output, axes)) {
      this.#keptOut.add(constant === first ? second : first);
      return true;
    }
    const isFirst = constant === undefined ? this.#factor === 'first' : constant === second;
    const [taken, other] = isFirst ? [first, second] : [second, first];
    this.#keptOut.add(other);
    return this.#join(taken, alignedAxes(axes, this.#shapeOf(output), this.#shapeOf(taken)));
  }

  /** Through layers on both sides of which the factors are the same, from either side. */
  #growThroughLinear(layer: Layer, name: string, axes: ChannelAxes): boolean {
    const [first = '', second = ''] = layer.node.inputs;
    const [output = '', ...moreOutputs] = layer.outputs;
    if (moreOutputs.length > 0) return false;
    if (layer.operator === 'Add' || layer.operator === 'Sub') {
      return [first, second, output].every(other => {
        if (this.#graph.tensors.get(other)?.isWeight === true) return this.#divide(other, name, axes);
        return this.#join(other, alignedAxes(axes, this.#shapeOf(name), this.#shapeOf(other)));
      });
    }
    // What else such layers read (a divisor, a slope, indices) is not what flows through them.
    if (name !== first && name !== output) return false;
    const other = name === first ? output : first;
    const [shape, otherShape] = [this.#shapeOf(name), this.#shapeOf(other)];
    if (HOMOGENEOUS.has(layer.operator)) return this.#join(other, axes);
    if (RESHAPES.has(layer.operator)) return this.#join(other, reshapedAxes(axes, shape, otherShape));
    if (layer.operator === 'Div') {
      this.#keptOut.add(second);
      return this.#join(other, alignedAxes(axes, shape, otherShape));
    }
    const places = axisPlaces(this.#graph, layer);
    if (places === null) return false;
    return this.#join(other, movedAxes(axes, name === first ? places : inverse(places)));
  }

  /** Lets a constant, which is aligned with `tensor`, shrink with it. */
  #divide(constant: string, tensor: string, axes: ChannelAxes): boolean {
    if (!isOwnConstant(this.#graph, constant)) return false;
    const own = alignedAxes(axes, this.#shapeOf(tensor), this.#shapeOf(constant));
    if (own !== null) this.divided.set(constant, own);
    return own !== null;
  }

  #join(name: string, axes: ChannelAxes | null): boolean {
    const tensor = this.#graph.tensors.get(name);
    const known = this.#axes.get(name);
    if (axes === null || tensor?.shape === undefined || tensor.elementType !== 'float32') return false;
    if (tensor.isInput || tensor.isOutput || tensor.isWeight) return false;
    if (known !== undefined) return areEqualAxes(known, axes);
    this.#axes.set(name, axes);
    this.#waiting.push(name);
    return true;
  }

  #areMatrices(...names: readonly string[]): boolean {
    return names.every(name => this.#shapeOf(name).length >= 2);
  }

  #shapeOf(name: string): readonly number[] {
    return this.#graph.tensors.get(name)?.shape ?? [];
  }
}
