import {describe, expect, it} from 'vitest';
import {targetByName} from '../../../src/targets/targetByName.ts';
import {explainMachines} from '../../../src/workflows/builds/explainMachines.ts';

describe('what a build says of the machines that made it', () => {
  it('names the processor that IREE compiled for, and that nothing ran on it', () => {
    const device = {name: 'pi5', address: 'pi5.local'};
    const facts = {architecture: 'arm64', cpuFeatures: [], cores: 4, cpuModel: 'ARM Cortex-A76'};
    const choice = {
      decision: 'compiled for the processor cortex-a76',
      reason: 'the cores are ARM Cortex-A76',
    };
    const {decisions, warnings} = explainMachines(
      {target: targetByName('iree'), device},
      {
        compiler: {
          kind: 'found',
          name: 'iree',
          device: null,
          isTiming: false,
          facts,
          isForThisMachine: false,
          choice,
        },
        vendor: {machine: 'this machine', tools: ['iree-compile 3.13.0'], artefacts: new Map(), times: null},
        times: null,
        rivalCount: 2,
      },
    );
    expect(decisions).toEqual([
      {
        decision: 'compiled with iree-compile 3.13.0 on this machine',
        reason: "target iree runs what its vendor's compiler makes of the ONNX file",
      },
      choice,
      {
        decision: 'speed was not measured',
        reason: 'it was compiled for pi5 and did not run there',
      },
    ]);
    expect(warnings).toEqual([]);
  });
});
