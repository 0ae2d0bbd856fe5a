import {describe, expect, it} from 'vitest';
import {
  layerMeansFromRuns,
  median,
  runsFromTraceLines,
  scaleLayers,
} from '../../../src/engine/profileTrace.ts';

const run = (ts: number, dur: number) =>
  `{"cat" : "Session","dur" :${dur},"ts" :${ts},"name" :"model_run","args" : {}},`;
const kernel = (name: string, operator: string, ts: number, dur: number, index = 0) =>
  `{"cat" : "Node","dur" :${dur},"ts" :${ts},"name" :"${name}_kernel_time","args" : {"op_name" : "${operator}","node_index" : "${index}"}},`;

describe('profile traces', () => {
  it('assigns kernels to runs by time, not by their order in the file', () => {
    const runs = runsFromTraceLines([
      '[',
      kernel('b', 'Relu', 120, 5),
      kernel('a', 'Conv', 210, 30),
      run(200, 50),
      kernel('a', 'Conv', 105, 10),
      run(100, 50),
      kernel('stray', 'Conv', 10, 10),
      ']',
    ]);
    expect(runs.map(kernels => kernels.map(({name, durationUs}) => [name, durationUs]))).toEqual([
      [
        ['a', 10],
        ['b', 5],
      ],
      [['a', 30]],
    ]);
  });

  it('does not count the kernels inside an If a second time', () => {
    const runs = runsFromTraceLines([
      run(100, 100),
      kernel('inside', 'Conv', 111, 20),
      kernel('inside2', 'Conv', 131, 9),
      kernel('branch', 'If', 110, 30),
      kernel('after', 'Relu', 140, 10),
    ]);
    expect(runs[0]!.map(({name}) => name)).toEqual(['branch', 'after']);
  });

  it('keeps two nodes of one name apart', () => {
    const [only] = runsFromTraceLines([
      run(0, 100),
      kernel('n', 'Relu', 1, 2, 0),
      kernel('n', 'Relu', 10, 4, 1),
    ]);
    expect(layerMeansFromRuns([only!]).map(({ms}) => ms)).toEqual([0.002, 0.004]);
  });

  it('takes the mean of each layer over the undisturbed runs and scales the sum to the whole run', () => {
    const runs = runsFromTraceLines([
      run(0, 100),
      kernel('a', 'Conv', 1, 10),
      kernel('b', 'Relu', 20, 30, 1),
      run(200, 100),
      kernel('a', 'Conv', 201, 12),
      kernel('b', 'Relu', 220, 30, 1),
      run(400, 100),
      kernel('a', 'Conv', 401, 90),
      kernel('b', 'Relu', 495, 28, 1),
    ]);
    const means = layerMeansFromRuns(runs);
    expect(means).toEqual([
      {name: 'a', operator: 'Conv', ms: 0.011},
      {name: 'b', operator: 'Relu', ms: 0.03},
    ]);
    const scaled = scaleLayers(means, 82);
    expect(scaled.map(({ms}) => Math.round(ms * 1e6) / 1e6)).toEqual([22, 60]);
  });

  it('gives a short kernel its share where the processor is rationed and a stop hits one run in four', () => {
    const rationed = [0, 1, 2, 3].map(index => [
      {key: 's', name: 'short', operator: 'Relu', startUs: 0, durationUs: index === 0 ? 1010 : 10},
      {key: 'l', name: 'long', operator: 'Conv', startUs: 0, durationUs: index === 0 ? 3040 : 4040},
    ]);
    expect(layerMeansFromRuns(rationed).map(({name, ms}) => [name, ms])).toEqual([
      ['short', 0.26],
      ['long', 3.79],
    ]);
  });

  it('shares a run out evenly when every kernel is too short to measure', () => {
    expect(scaleLayers([{ms: 0}, {ms: 0}], 3)).toEqual([{ms: 1.5}, {ms: 1.5}]);
  });

  it('knows the median of even and odd counts', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
    expect(median([])).toBeNaN();
  });
});
