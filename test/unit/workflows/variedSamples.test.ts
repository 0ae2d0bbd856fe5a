import {describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../../src/documents/tensor.ts';
import {variedSamples} from '../../../src/workflows/variedSamples.ts';

/** Request i holds the float i + 1 and the integer i + 1. */
function source(requestCount: number) {
  return {
    requestCount,
    readRequest: (index: number): Promise<NamedTensors> =>
      Promise.resolve({
        x: {elementType: 'float32', shape: [1], bytes: new Uint8Array(Float32Array.of(index + 1).buffer)},
        id: {elementType: 'int32', shape: [1], bytes: new Uint8Array(Int32Array.of(index + 1).buffer)},
      }),
  };
}

function floatOf(tensors: NamedTensors): number {
  return new Float32Array(tensors['x']?.bytes.slice().buffer ?? new ArrayBuffer(4))[0] ?? NaN;
}

function integerOf(tensors: NamedTensors): number {
  return new Int32Array(tensors['id']?.bytes.slice().buffer ?? new ArrayBuffer(4))[0] ?? NaN;
}

describe('varied samples', () => {
  it('begin with the samples as they are', async () => {
    const varied = variedSamples(source(30), 20);
    for (let index = 0; index < 30; index += 1)
      expect(floatOf(await varied.readRequest(index))).toBe(index + 1);
  });

  it('are copies of those held out, each with another factor near 1, integers untouched', async () => {
    const varied = variedSamples(source(30), 20);
    expect((varied.requestCount - 30) % 10).toBe(0);
    const factors = new Map<number, number[]>();
    for (let index = 30; index < varied.requestCount; index += 1) {
      const request = await varied.readRequest(index);
      const original = integerOf(request);
      factors.set(original, [...(factors.get(original) ?? []), floatOf(request) / original]);
    }
    expect([...factors.keys()]).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
    for (const list of factors.values()) {
      expect(new Set(list.map(factor => factor.toFixed(5))).size).toBe(list.length);
      for (const factor of list) {
        expect(Math.abs(factor - 1)).toBeGreaterThan(1e-3);
        expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.03 + 1e-6);
      }
    }
  });

  it('are none where there are enough samples, or none held out', () => {
    expect(variedSamples(source(600), 300).requestCount).toBe(600);
    expect(variedSamples(source(40), 40).requestCount).toBe(40);
  });
});
