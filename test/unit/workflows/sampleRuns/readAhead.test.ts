import {setImmediate} from 'node:timers/promises';
import {describe, expect, test} from 'vitest';
import type {NamedTensors} from '../../../../src/documents/tensor.ts';
import {startReading, type SampleSource} from '../../../../src/workflows/sampleRuns/readAhead.ts';

const SAMPLE_BYTES = 4;

/** Notes which samples are read; those of `broken` cannot be. */
function sourceOf(requestCount: number, broken: readonly number[] = []) {
  const read: number[] = [];
  const source: SampleSource = {
    requestCount,
    async readRequest(index) {
      read.push(index);
      await setImmediate();
      if (broken.includes(index)) throw new Error(`sample ${index} is broken`);
      return {x: {elementType: 'float32', shape: [1], bytes: bytesOf(index)}};
    },
  };
  return {source, read};
}

const bytesOf = (index: number): Uint8Array => new Uint8Array(Float32Array.of(index).buffer);

const indicesOf = (samples: readonly NamedTensors[]): number[] =>
  samples.map(({x}) => new Float32Array(x!.bytes.buffer)[0]!);

describe('samples', () => {
  test('are read once and in their order, whoever takes how many', async () => {
    const {source, read} = sourceOf(10);
    const reader = startReading(source, 2, 9);
    const taken = await Promise.all([reader.take(1), reader.take(3), reader.take(100), reader.take(1)]);
    expect(taken.map(indicesOf)).toEqual([[2], [3, 4, 5], [6, 7, 8], []]);
    expect(read).toEqual([2, 3, 4, 5, 6, 7, 8]);
  });

  test('are read ahead up to a size, and no more of them', async () => {
    const {source, read} = sourceOf(100);
    const reader = startReading(source, 0, 100);
    reader.readAhead(3 * SAMPLE_BYTES);
    await expect.poll(() => read).toEqual([0, 1, 2]);
    for (let turn = 0; turn < 10; turn += 1) await setImmediate();
    expect(read).toEqual([0, 1, 2]);
    expect(indicesOf(await reader.take(5))).toEqual([0, 1, 2, 3, 4]);
    expect(read).toEqual([0, 1, 2, 3, 4]);
  });

  test('one that cannot be read is told to whoever takes it', async () => {
    const {source} = sourceOf(4, [1]);
    const reader = startReading(source, 0, 4);
    reader.readAhead(100);
    expect(indicesOf(await reader.take(1))).toEqual([0]);
    await expect(reader.take(2)).rejects.toThrow('sample 1 is broken');
    expect(indicesOf(await reader.take(1))).toEqual([3]);
  });

  test('one that cannot be read and that nobody takes is nobody’s failure', async () => {
    const {source, read} = sourceOf(3, [0]);
    startReading(source, 0, 3).readAhead(100);
    for (let turn = 0; turn < 10; turn += 1) await setImmediate();
    expect(read).toEqual([0]);
  });
});
