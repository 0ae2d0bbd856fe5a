import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../../src/documents/tensor.ts';
import {keepingParameters, startKeptTensors} from '../../../src/runtime/server/keptTensors.ts';
import type {ServedModel} from '../../../src/runtime/server/servedModels.ts';

const bytes = (...values: number[]): Tensor => ({
  elementType: 'uint8',
  shape: [values.length],
  bytes: Uint8Array.from(values),
});

/** Gives `sum` of all inputs' first bytes, and empties the inputs as a run that takes them does. */
const adding: ServedModel = {
  name: 'adding',
  version: '1',
  platform: 'test',
  inputs: [],
  outputs: [{name: 'sum', elementType: 'uint8', shape: [1]}],
  infer({inputs}) {
    const total = Object.values(inputs).reduce((sum, tensor) => sum + tensor.bytes[0]!, 0);
    for (const tensor of Object.values(inputs))
      structuredClone(tensor.bytes, {transfer: [tensor.bytes.buffer as ArrayBuffer]});
    return Promise.resolve({outputs: {sum: bytes(total)}, timings: []});
  },
};

const call = (
  request: string,
  inputs: Record<string, Tensor>,
  held: string[],
  keeps: string[],
  isLast = false,
) => ({inputs, wanted: ['sum'], parameters: keepingParameters(request, {held, keeps, isLast})});

describe('tensors kept from one call of a request to the next', () => {
  it('are found again by name, be they inputs or outputs, although runs take their memory', async () => {
    const kept = startKeptTensors();
    await kept.infer(adding, call('r', {a: bytes(1), b: bytes(2)}, [], ['a', 'sum']));
    const second = await kept.infer(adding, call('r', {c: bytes(10)}, ['a', 'sum'], []));
    expect([...second.outputs['sum']!.bytes]).toEqual([14]);
    const third = await kept.infer(adding, call('r', {}, ['a', 'sum'], [], true));
    expect([...third.outputs['sum']!.bytes]).toEqual([4]);
  });

  it('are gone after the last call, for other requests, and after their time', async () => {
    let nowMs = 0;
    const kept = startKeptTensors(() => nowMs);
    await kept.infer(adding, call('r', {a: bytes(1)}, [], ['a']));
    await expect(kept.infer(adding, call('other', {}, ['a'], []))).rejects.toThrow("'a' of request other");
    await kept.infer(adding, call('r', {}, ['a'], [], true));
    await expect(kept.infer(adding, call('r', {}, ['a'], []))).rejects.toMatchObject({httpStatus: 409});
    await kept.infer(adding, call('late', {a: bytes(1)}, [], ['a']));
    nowMs = 30_001;
    await expect(kept.infer(adding, call('late', {}, ['a'], []))).rejects.toMatchObject({httpStatus: 409});
  });

  it('that no model makes are refused, and so is a list that is none', async () => {
    const kept = startKeptTensors();
    await expect(kept.infer(adding, call('r', {}, [], ['x']))).rejects.toMatchObject({httpStatus: 400});
    const parameters = {edgewise_request: 'r', edgewise_held: 'a'};
    await expect(kept.infer(adding, {inputs: {}, wanted: [], parameters})).rejects.toMatchObject({
      httpStatus: 400,
    });
  });
});
