import type {BoundaryEncoding, BoundaryPrecision} from '../../documents/boundary.ts';
import {freshNames} from '../../model/freshNames.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../model/onnx/createMessages.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {tensorFromValue} from '../../model/onnx/tensorData.ts';
import {codecOf, WIRE_TYPES} from './codecs.ts';

/** Large enough for what one value costs to show beside what a run does. */
const SHAPE = [1, 3, 512, 512];

/** Values that each model encodes or decodes. */
export const CODEC_VALUES = SHAPE.reduce((product, size) => product * size, 1);

const ENCODINGS: readonly BoundaryEncoding[] = [
  {precision: 'fp16'},
  {precision: 'int8', scale: 0.01, zeroPoint: 10},
  {
    precision: 'pixels',
    // Every step there can be: what pictures need most often.
    pixels: {
      numerator: 1,
      denominator: 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      channelAxis: 1,
    },
  },
];

export interface CodecModel {
  /** `plain` does nothing but what the others do besides. */
  readonly name: 'plain' | BoundaryPrecision;
  readonly model: OnnxModel;
}

/**
 * Models that read a tensor, encode (or decode) all of it and give out one value of each row of it: what each needs longer than the
 * first, `plain`, is what that costs.
 */
export function codecModels(side: 'encode' | 'decode'): CodecModel[] {
  const first = tensorFromValue('first', {elementType: 'int64', shape: [1], bytes: new Uint8Array(8)});
  const alongRows = createAttribute('axis', {int: BigInt(SHAPE.length - 1)});
  const take = (from: string) =>
    createNode('Gather', [from, 'first'], ['taken'], {name: 'take', attributes: [alongRows]});
  const plain = createModel(
    createGraph({
      nodes: [take('x')],
      initializers: [first],
      inputs: [createValueInfo('x', 'float32', SHAPE)],
      outputs: [createValueInfo('taken', 'float32')],
    }),
  );
  const others = ENCODINGS.map((encoding): CodecModel => {
    const {precision} = encoding;
    const takeName = freshNames(['x', 'wire', 'taken', 'first', 'take']);
    const codec = codecOf(
      {name: 'x', wire: 'wire', shape: SHAPE, encoding},
      {takeTensor: takeName, takeNode: takeName},
    );
    const [read, given] = side === 'encode' ? (['x', 'wire'] as const) : (['wire', 'x'] as const);
    const typeOf = (name: 'x' | 'wire') => (name === 'x' ? 'float32' : WIRE_TYPES[precision]);
    const {nodes, initializers} = codec[side];
    return {
      name: precision,
      model: createModel(
        createGraph({
          nodes: [...nodes, take(given)],
          initializers: [first, ...initializers],
          inputs: [createValueInfo(read, typeOf(read), SHAPE)],
          outputs: [createValueInfo('taken', typeOf(given))],
        }),
      ),
    };
  });
  return [{name: 'plain', model: plain}, ...others];
}
