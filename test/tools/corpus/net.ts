import type {ElementType} from '../../../src/documents/elementTypes.ts';
import {halfFromFloat} from '../../../src/model/halfPrecision.ts';
import {
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {attributesFrom, type Values} from '../../unit/model/opsetCaseParts.ts';

type Dims = readonly (number | string | null)[];

export interface NetOptions {
  readonly opset: number;
  readonly seed: number;
  /** `duplicated`: every layer is called the same. */
  readonly names?: 'own' | 'none' | 'duplicated';
  readonly elementType?: 'float32' | 'float16';
}

/** Writes down a small network, layer by layer, in the form that its opset wants; weights are seeded random numbers. */
export class Net {
  readonly opset: number;
  readonly elementType: 'float32' | 'float16';
  readonly #names: NonNullable<NetOptions['names']>;
  readonly #nodes: OnnxNode[] = [];
  readonly #weights: OnnxTensor[] = [];
  readonly #inputs: {name: string; elementType: ElementType; dims: Dims}[] = [];
  #state: number;
  #count = 0;

  constructor({opset, seed, names = 'own', elementType = 'float32'}: NetOptions) {
    this.opset = opset;
    this.elementType = elementType;
    this.#names = names;
    this.#state = seed + 1;
  }

  input(name: string, dims: Dims, elementType: ElementType = this.elementType): string {
    this.#inputs.push({name, elementType, dims});
    return name;
  }

  /** Random numbers of the given deviation around a centre. */
  weight(dims: readonly number[], {deviation = 1, centre = 0} = {}): string {
    const count = dims.reduce((product, size) => product * size, 1);
    return this.constant(
      dims,
      Array.from({length: count}, () => centre + deviation * this.#normal()),
    );
  }

  constant(
    dims: readonly number[],
    values: readonly number[],
    elementType: ElementType = this.elementType,
  ): string {
    const name = `weight_${(this.#count += 1)}`;
    this.#weights.push(
      tensorFromValue(name, {elementType, shape: dims, bytes: bytesOf(elementType, values)}),
    );
    return name;
  }

  integers(...values: readonly number[]): string {
    return this.constant([values.length], values, 'int64');
  }

  /** One layer; gives the name of its first output. */
  add(operator: string, inputs: readonly string[], values: Values = {}, outputs?: readonly string[]): string {
    const id = (this.#count += 1);
    const made = outputs ?? [`tensor_${id}`];
    const name = {own: `${operator.toLowerCase()}_${id}`, none: '', duplicated: 'layer'}[this.#names];
    this.#nodes.push(createNode(operator, inputs, made, {name, attributes: attributesFrom(values)}));
    return made[0] ?? '';
  }

  push(node: OnnxNode): string {
    this.#nodes.push(node);
    return node.outputs[0] ?? '';
  }

  conv(
    x: string,
    inputs: number,
    outputs: number,
    kernel: number,
    {group = 1, stride = 1, hasBias = true, rank = 2} = {},
  ): string {
    const sizes = Array.from({length: rank}, () => kernel);
    const fanIn = (inputs / group) * kernel ** rank;
    const weight = this.weight([outputs, inputs / group, ...sizes], {deviation: Math.sqrt(2 / fanIn)});
    const bias = hasBias ? [this.weight([outputs], {deviation: 0.1})] : [];
    return this.add('Conv', [x, weight, ...bias], {
      group: BigInt(group),
      pads: Array.from({length: 2 * rank}, () => BigInt(Math.floor(kernel / 2))),
      strides: sizes.map(() => BigInt(stride)),
    });
  }

  gemm(x: string, inputs: number, outputs: number, values: Values = {}): string {
    const weight = this.weight([inputs, outputs], {deviation: Math.sqrt(2 / inputs)});
    const bias = this.weight([outputs], {deviation: 0.1});
    return this.add('Gemm', [x, weight, bias], values);
  }

  batchNormalization(x: string, channels: number): string {
    const parameters = [
      this.weight([channels], {centre: 1, deviation: 0.2}),
      this.weight([channels], {deviation: 0.2}),
      this.weight([channels], {deviation: 0.2}),
      this.constant(
        [channels],
        Array.from({length: channels}, () => 0.5 + Math.abs(this.#normal())),
      ),
    ];
    return this.add('BatchNormalization', [x, ...parameters], this.opset < 9 ? {spatial: 1n} : {});
  }

  clip(x: string, min: number, max: number): string {
    if (this.opset < 11) return this.add('Clip', [x], {min, max});
    return this.add('Clip', [x, this.constant([], [min]), this.constant([], [max])]);
  }

  /** An operator with axes: an attribute up to `until`, an input after it. */
  withAxes(operator: string, x: string, axes: readonly number[], until: number, values: Values = {}): string {
    if (this.opset <= until) return this.add(operator, [x], {...values, axes: axes.map(BigInt)});
    return this.add(operator, [x, this.integers(...axes)], values);
  }

  squeeze(x: string, ...axes: readonly number[]): string {
    return this.withAxes('Squeeze', x, axes, 12);
  }

  unsqueeze(x: string, ...axes: readonly number[]): string {
    return this.withAxes('Unsqueeze', x, axes, 12);
  }

  mean(x: string, axes: readonly number[], keepdims = 1n): string {
    return this.withAxes('ReduceMean', x, axes, 17, {keepdims});
  }

  slice(x: string, axis: number, start: number, end: number): string {
    const [starts, ends, axes] = [[start], [end], [axis]];
    if (this.opset < 10) {
      return this.add('Slice', [x], {
        starts: starts.map(BigInt),
        ends: ends.map(BigInt),
        axes: axes.map(BigInt),
      });
    }
    return this.add('Slice', [x, this.integers(...starts), this.integers(...ends), this.integers(...axes)]);
  }

  pad(x: string, ...pads: readonly number[]): string {
    if (this.opset < 11) return this.add('Pad', [x], {pads: pads.map(BigInt), value: 0.5});
    return this.add('Pad', [x, this.integers(...pads), this.constant([], [0.5])]);
  }

  /** Two halves along an axis. */
  halves(x: string, axis: number): readonly [string, string] {
    const id = (this.#count += 1);
    const outputs = [`half_${id}_a`, `half_${id}_b`] as const;
    const parts: Values = this.opset < 18 ? {} : {num_outputs: 2n};
    this.add('Split', [x], {axis: BigInt(axis), ...parts}, outputs);
    return outputs;
  }

  dropout(x: string): string {
    return this.add('Dropout', [x], this.opset < 12 ? {ratio: 0.4} : {});
  }

  /** Spatial axes times `factor`, by the nearest element. */
  enlarge(x: string, factor: number): string {
    const scales = [1, 1, factor, factor];
    if (this.opset < 9) return this.add('Upsample', [x], {scales});
    const input = this.constant([4], scales, 'float32');
    if (this.opset < 10) return this.add('Upsample', [x, input]);
    if (this.opset < 11) return this.add('Resize', [x, input]);
    const roi = this.constant([0], [], 'float32');
    return this.add('Resize', [x, roi, input], {
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
  }

  /** Outputs of another type than the inputs are given as `[name, type]`. */
  model(
    outputs: readonly (string | readonly [string, ElementType])[],
    parts: Partial<OnnxModel> = {},
  ): OnnxModel {
    const infos = outputs.map(output =>
      typeof output === 'string' ? createValueInfo(output, this.elementType) : createValueInfo(...output),
    );
    return createModel(
      createGraph({
        nodes: this.#nodes,
        initializers: this.#weights,
        inputs: this.#inputs.map(({name, elementType, dims}) => createValueInfo(name, elementType, dims)),
        outputs: infos,
      }),
      {irVersion: 8, opsetImports: [{domain: '', version: this.opset, unknown: []}], ...parts},
    );
  }

  /** Box and Muller's normal numbers from a linear congruential generator. */
  #normal(): number {
    const next = (): number => {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
      return (this.#state + 1) / (2 ** 32 + 1);
    };
    return Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
  }
}

function bytesOf(elementType: ElementType, values: readonly number[]): Uint8Array {
  switch (elementType) {
    case 'float32':
      return new Uint8Array(Float32Array.from(values).buffer);
    case 'float16':
      return new Uint8Array(Uint16Array.from(values, halfFromFloat).buffer);
    case 'float64':
      return new Uint8Array(Float64Array.from(values).buffer);
    case 'int64':
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    case 'int8':
      return new Uint8Array(Int8Array.from(values).buffer);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values);
    default:
      throw new RangeError(`no constants of type ${elementType}`);
  }
}
