import type {BoundaryEncoding, BoundaryPrecision, PixelValues} from '../../documents/boundary.ts';
import {onnxCodeFromElementType, type ElementType} from '../../documents/elementTypes.ts';
import type {TakeName} from '../../model/freshNames.ts';
import {createAttribute, createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {tensorFromValue} from '../../model/onnx/tensorData.ts';

/** What a tensor is made of on the way. */
export const WIRE_TYPES: Readonly<Record<BoundaryPrecision, ElementType>> = {
  fp16: 'float16',
  int8: 'uint8',
  pixels: 'uint8',
};

/** The nodes at one end of the way, in order, with their constants. */
export interface CodecPart {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
}

export interface Codec {
  /** From `name` to `wire`. */
  readonly encode: CodecPart;
  /** From `wire` to `name`. */
  readonly decode: CodecPart;
}

export interface Namers {
  readonly takeTensor: TakeName;
  readonly takeNode: TakeName;
}

interface CodecRequest {
  /** Of a float32 tensor, and of what travels in its place. */
  readonly name: string;
  readonly wire: string;
  readonly shape: readonly number[];
  readonly encoding: BoundaryEncoding;
}

/** Both ends of the way of one tensor, in standard operators of opset 13. */
export function codecOf({name, wire, shape, encoding}: CodecRequest, namers: Namers): Codec {
  switch (encoding.precision) {
    case 'fp16':
      return {
        encode: startPart(name, namers).cast('float16').end(wire),
        decode: startPart(wire, namers).cast('float32').end(name),
      };
    case 'int8': {
      const scale = floatScalar(namers.takeTensor(`${name}_scale`), encoding.scale);
      const zeroPoint = byteScalar(namers.takeTensor(`${name}_zero_point`), encoding.zeroPoint);
      const operands = [scale, zeroPoint];
      return {
        encode: startPart(name, namers).apply('QuantizeLinear', operands).end(wire),
        decode: startPart(wire, namers).apply('DequantizeLinear', operands).end(name),
      };
    }
    case 'pixels':
      return pixelCodec(name, wire, shape, encoding.pixels, namers);
  }
}

/**
 * The decoder computes exactly what preparing pictures does: in double precision, in the same order, rounded once. So values
 * that came from pixels come back to the bit. The encoder only has to find the nearest pixel, which float32 is enough for.
 */
function pixelCodec(
  name: string,
  wire: string,
  shape: readonly number[],
  {numerator, denominator, mean, std, channelAxis}: PixelValues,
  namers: Namers,
): Codec {
  /** One value for all, or one per channel; `null` where it would change nothing. */
  const operand = (
    what: string,
    values: readonly number[],
    elementType: 'float32' | 'float64',
  ): OnnxTensor | null => {
    if (values.every(value => value === (NEUTRAL[what] ?? 1))) return null;
    const isOne = values.every(value => value === values[0]);
    const dims = isOne ? [] : shape.slice(channelAxis).map((_, at) => (at === 0 ? values.length : 1));
    const own = isOne ? values.slice(0, 1) : values;
    const numbers = elementType === 'float32' ? Float32Array.from(own) : Float64Array.from(own);
    const bytes = new Uint8Array(numbers.buffer);
    return tensorFromValue(namers.takeTensor(`${name}_${what}`), {elementType, shape: dims, bytes});
  };
  const perUnit = denominator / numerator;
  const one = floatScalar(namers.takeTensor(`${name}_pixel`), 1);
  const zero = byteScalar(namers.takeTensor(`${name}_black`), 0);
  const pixelsPerUnit = std.map(value => value * perUnit);
  const pixelsAtZero = mean.map(value => value * perUnit);
  const encoder = startPart(name, namers)
    .applyKnown('Mul', operand('pixels_per_unit', pixelsPerUnit, 'float32'))
    .applyKnown('Add', operand('pixels_at_zero', pixelsAtZero, 'float32'))
    .apply('QuantizeLinear', [one, zero]);
  const decoder = startPart(wire, namers)
    .cast('float64')
    .applyKnown('Mul', operand('numerator', [numerator], 'float64'))
    .applyKnown('Div', operand('denominator', [denominator], 'float64'))
    .applyKnown('Sub', operand('mean', mean, 'float64'))
    .applyKnown('Div', operand('std', std, 'float64'))
    .cast('float32');
  return {encode: encoder.end(wire), decode: decoder.end(name)};
}

/** What an operand is where it changes nothing; 1 unless said here. */
const NEUTRAL: Readonly<Record<string, number>> = {mean: 0, pixels_at_zero: 0};

interface PartUnderWay {
  apply(operator: string, operands: readonly OnnxTensor[]): PartUnderWay;
  /** Nothing where the operand would change nothing. */
  applyKnown(operator: string, operand: OnnxTensor | null): PartUnderWay;
  cast(to: ElementType): PartUnderWay;
  /** The last node gives `target`. */
  end(target: string): CodecPart;
}

/** A chain of nodes from `source` on, each reading what the one before made. */
function startPart(source: string, namers: Namers, done: readonly Step[] = []): PartUnderWay {
  const next = (step: Step): PartUnderWay => startPart(source, namers, [...done, step]);
  return {
    apply: (operator, operands) => next({operator, operands}),
    applyKnown: (operator, operand) =>
      operand === null ? startPart(source, namers, done) : next({operator, operands: [operand]}),
    cast: to => next({operator: 'Cast', operands: [], to}),
    end(target) {
      let current = source;
      const nodes = done.map(({operator, operands, to}, at) => {
        const input = current;
        current = at === done.length - 1 ? target : namers.takeTensor(`${source}_${operator}`);
        return createNode(operator, [input, ...operands.map(({name}) => name)], [current], {
          name: namers.takeNode(`${target}_${operator}`),
          attributes:
            to === undefined ? [] : [createAttribute('to', {int: BigInt(onnxCodeFromElementType(to))})],
        });
      });
      return {nodes, initializers: done.flatMap(({operands}) => operands)};
    },
  };
}

interface Step {
  readonly operator: string;
  readonly operands: readonly OnnxTensor[];
  readonly to?: ElementType;
}

function floatScalar(name: string, value: number): OnnxTensor {
  return tensorFromValue(name, {
    elementType: 'float32',
    shape: [],
    bytes: new Uint8Array(Float32Array.of(value).buffer),
  });
}

function byteScalar(name: string, value: number): OnnxTensor {
  return tensorFromValue(name, {elementType: 'uint8', shape: [], bytes: Uint8Array.of(value)});
}
