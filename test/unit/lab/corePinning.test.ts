import {describe, expect, it} from 'vitest';
import {chooseCores, coresBesideDevices, readAllowedCores} from '../../../src/lab/corePinning.ts';

describe('chooseCores', () => {
  it('takes from the end and leaves the first core alone', () => {
    expect(chooseCores(1, 0, [0, 1, 2, 3])).toEqual([3]);
    expect(chooseCores(2, 1, [0, 1, 2, 3])).toEqual([2, 1]);
  });
  it('keeps devices apart as long as there are cores', () => {
    expect(chooseCores(1, 4, [0, 1, 2, 3])).toEqual([3]);
    expect(chooseCores(1, 1, [2, 5])).toEqual([2]);
  });
  it('pins nothing when the device has as many cores as this machine', () => {
    expect(chooseCores(2, 0, [0, 1])).toEqual([]);
    expect(chooseCores(8, 0, [0, 1])).toEqual([]);
  });
});

it('knows the cores that devices leave to others', () => {
  expect(coresBesideDevices(1, [0, 1, 2, 3])).toEqual([0, 1, 2]);
  expect(coresBesideDevices(1, [4, 7])).toEqual([4]);
  expect(coresBesideDevices(1, [0])).toEqual([]);
  expect(coresBesideDevices(4, [0, 1])).toEqual([]);
});

it('reads which cores this process may use', () => {
  const cores = readAllowedCores();
  expect(cores.length).toBeGreaterThan(0);
  expect(new Set(cores).size).toBe(cores.length);
});
