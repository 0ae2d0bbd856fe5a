import {describe, expect, it} from 'vitest';
import type {BoundaryEncoding} from '../../../../src/documents/boundary.ts';
import {freshNames} from '../../../../src/model/freshNames.ts';
import {createGraph, createModel, createValueInfo} from '../../../../src/model/onnx/createMessages.ts';
import {codecOf, WIRE_TYPES} from '../../../../src/quantize/boundary/codecs.ts';
import {encodeValues} from '../../../../src/quantize/boundary/encodeValues.ts';
import {floatTensor, runHandMade} from '../../model/handMadeModels.ts';

// As in the engine's worker: the runtime's binding sees no bytes in the Float16Array that newer versions of Node have.
Reflect.deleteProperty(globalThis, 'Float16Array');

const SHAPE = [1, 3, 16, 16];
const VALUES = Float32Array.from({length: 768}, (_, at) => Math.sin(at * 0.7) * (1 + (at % 7)));

describe('what crosses, encoded here', () => {
  it.each<BoundaryEncoding>([
    {precision: 'fp16'},
    {precision: 'int8', scale: Math.fround(0.03), zeroPoint: 120},
    {precision: 'pixels', pixels: {numerator: 1, denominator: 255, mean: [0], std: [1], channelAxis: 1}},
    {
      precision: 'pixels',
      pixels: {numerator: 1, denominator: 255, mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4], channelAxis: 1},
    },
  ])('%o: the same bytes as the segments make', async encoding => {
    const names = freshNames(['x', 'wire']);
    const {nodes, initializers} = codecOf(
      {name: 'x', wire: 'wire', shape: SHAPE, encoding},
      {takeTensor: names, takeNode: names},
    ).encode;
    const model = createModel(
      createGraph({
        nodes: [...nodes],
        initializers: [...initializers],
        inputs: [createValueInfo('x', 'float32', SHAPE)],
        outputs: [createValueInfo('wire', WIRE_TYPES[encoding.precision], SHAPE)],
      }),
    );
    const {wire} = await runHandMade(model, {x: floatTensor(SHAPE, [...VALUES])});
    const mine = encodeValues(VALUES, SHAPE, encoding);
    const different = mine.filter((byte, at) => byte !== wire!.bytes[at]).length;
    // A pixel between two can be rounded either way: the segments compute in single precision.
    expect(different).toBeLessThanOrEqual(encoding.precision === 'pixels' ? 2 : 0);
    expect(mine.byteLength).toBe(wire!.bytes.byteLength);
  });
});
