import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {raiseOpset} from '../../src/model/opset/raiseOpset.ts';
import {runHandMade} from '../unit/model/handMadeModels.ts';
import {modelOfCase, numbers, oneNode, type Values} from '../unit/model/opsetCaseParts.ts';

const shape = fc.array(fc.integer({min: 1, max: 4}), {minLength: 1, maxLength: 4});
const shapeWithAxis = shape.chain(dims =>
  fc.record({dims: fc.constant(dims), axis: fc.integer({min: 0, max: dims.length - 1})}),
);
const bigints = (values: readonly number[]): bigint[] => values.map(BigInt);

interface Drawn {
  readonly opset: number;
  readonly operator: string;
  readonly dims: readonly number[];
  readonly values: Values;
  readonly outputs?: readonly string[];
}

const opsetUpTo = (newest: number) => fc.integer({min: 7, max: newest});

/** Random nodes of old versions, by what their conversion turns on. */
const NODES: Readonly<Record<string, fc.Arbitrary<Drawn>>> = {
  'softmax over the axes from one on': fc
    .record({
      opset: opsetUpTo(12),
      operator: fc.constantFrom('Softmax', 'LogSoftmax', 'Hardmax'),
      drawn: shapeWithAxis,
    })
    .map(({drawn, ...rest}) => ({...rest, dims: drawn.dims, values: {axis: BigInt(drawn.axis)}})),

  'slices out of and within bounds': fc
    .record({
      opset: opsetUpTo(9),
      drawn: shapeWithAxis,
      start: fc.integer({min: -6, max: 4}),
      length: fc.nat(5),
    })
    .map(({opset, drawn, start, length}) => ({
      opset,
      operator: 'Slice',
      dims: drawn.dims,
      values: {axes: bigints([drawn.axis]), starts: bigints([start]), ends: bigints([start + length])},
    })),

  'paddings of every axis': fc
    .record({
      opset: opsetUpTo(10),
      dims: shape,
      pads: fc.array(fc.nat(2), {minLength: 8, maxLength: 8}),
      value: fc.oneof(fc.constant(-0), fc.float({noNaN: true, noDefaultInfinity: true})),
      mode: fc.constantFrom('constant', 'edge'),
    })
    .map(({opset, dims, pads, value, mode}) => ({
      opset,
      operator: 'Pad',
      dims,
      values: {mode, value, pads: bigints(pads.slice(0, 2 * dims.length))},
    })),

  'reductions over some axes': fc
    .record({
      opset: opsetUpTo(17),
      operator: fc.constantFrom('ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceL2'),
      drawn: shapeWithAxis,
      keeps: fc.nat(1),
      isAll: fc.boolean(),
    })
    .map(({opset, operator, drawn, keeps, isAll}) => ({
      // ReduceSum takes its axes as an input from 13 on already.
      opset: operator === 'ReduceSum' ? Math.min(opset, 12) : opset,
      operator,
      dims: drawn.dims,
      values: {keepdims: BigInt(keeps), ...(isAll ? {} : {axes: bigints([drawn.axis])})},
    })),

  'splits into parts': fc
    .record({opset: opsetUpTo(17), drawn: shapeWithAxis, isEqual: fc.boolean()})
    .map(({opset, drawn: {dims, axis}, isEqual}) => {
      const size = 2 * dims[axis]!;
      const split = isEqual || opset > 12 ? {} : {split: bigints([1, size - 1])};
      return {
        opset,
        operator: 'Split',
        dims: dims.with(axis, size),
        values: {axis: BigInt(axis), ...split},
        outputs: ['y', 'z'],
      };
    }),

  'clips by one, both or no bounds': fc
    .record({
      opset: opsetUpTo(10),
      dims: shape,
      min: fc.option(fc.float({max: 0, noNaN: true})),
      max: fc.option(fc.float({min: 0, noNaN: true})),
    })
    .map(({opset, dims, min, max}) => ({
      opset,
      operator: 'Clip',
      dims,
      values: {...(min === null ? {} : {min}), ...(max === null ? {} : {max})},
    })),

  'enlargements by the nearest element': fc
    .record({
      opset: fc.constantFrom(7, 8),
      mode: fc.constantFrom('nearest', 'linear'),
      size: fc.tuple(fc.integer({min: 1, max: 6}), fc.integer({min: 1, max: 6})),
      scales: fc.tuple(fc.float({min: 1, max: 4, noNaN: true}), fc.float({min: 1, max: 4, noNaN: true})),
    })
    .map(({opset, mode, size, scales}) => ({
      opset,
      operator: 'Upsample',
      dims: [1, 2, ...size],
      values: {mode, scales: [1, 1, ...scales]},
    })),
};

describe('a node of an old opset answers the same bits in a newer one', () => {
  it.each(Object.entries(NODES))('%s', async (_, node) => {
    await fc.assert(
      fc.asyncProperty(node, fc.constantFrom(13, 18, 21), async (drawn, target) => {
        fc.pre(drawn.opset < target);
        const feeds = {x: numbers(drawn.dims)};
        const outputs = drawn.outputs ?? ['y'];
        const model = modelOfCase({
          opset: drawn.opset,
          nodes: [oneNode(drawn.operator, drawn.values, ['x'], outputs)],
          outputs,
          feeds,
        });
        const before = await runHandMade(model, feeds);
        expect(await runHandMade(raiseOpset(model, target).model, feeds)).toEqual(before);
      }),
      {numRuns: 60},
    );
  });
});
