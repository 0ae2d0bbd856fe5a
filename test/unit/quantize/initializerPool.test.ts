import {expect, it} from 'vitest';
import {freshNames} from '../../../src/model/freshNames.ts';
import {InitializerPool} from '../../../src/quantize/initializerPool.ts';

it('makes initialisers once that are equal to the last value, type and shape', () => {
  const pool = new InitializerPool(freshNames([]));
  const numbers = (last: number): Int32Array =>
    Int32Array.from({length: 100}, (_, at) => (at === 99 ? last : 5));
  expect(pool.add('a', 'int32', [100], numbers(1))).toBe('a');
  expect(pool.add('b', 'int32', [100], numbers(2))).toBe('b');
  expect(pool.add('c', 'int32', [100], numbers(1))).toBe('a');
  expect(pool.add('d', 'int32', [10, 10], numbers(1))).toBe('d');
  expect(pool.add('e', 'float32', [100], Float32Array.from(numbers(1)))).toBe('e');
  expect(pool.tensors.map(({name}) => name)).toEqual(['a', 'b', 'd', 'e']);
});
