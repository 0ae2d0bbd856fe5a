import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {ignoreEvents} from '../../src/events.ts';
import {ireeJob, type IreeOptions} from '../../src/targets/compilers/iree.ts';
import {runCompiler} from '../../src/workflows/runCompiler.ts';
import {arithmeticModel} from '../integration/smallModels.ts';

const python = process.env['EDGEWISE_PYTHON'];
const bin = dirname(python ?? '');
const hasIree = python !== undefined && spawnSync(join(bin, 'iree-compile'), ['--version']).status === 0;
if (!hasIree) console.warn('IREE: skipped; EDGEWISE_PYTHON names a Python beside which iree-compile is');

describe.skipIf(!hasIree)('IREE itself', () => {
  let home: string;
  let machine: Machine;
  let model: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'edgewise-iree-'));
    model = join(home, 'given.onnx');
    writeFileSync(model, arithmeticModel('Add', 2));
    machine = await connectMachine(
      {name: 'bench', address: 'local'},
      {acceptNewHostKeys: false, environment: {HOME: home, PATH: `${bin}:/usr/bin:/bin`}},
    );
  });
  afterAll(async () => {
    await machine.close();
    rmSync(home, {recursive: true, force: true});
  });

  const compile = (options: IreeOptions) =>
    runCompiler(machine, ireeJob(options), [{name: 'model.onnx', path: model}], ignoreEvents);

  it('compiles for a processor of another architecture', async () => {
    const {artefacts, versions} = await compile({
      cpu: 'cortex-a76',
      triple: 'aarch64-linux-gnu',
      benchmark: null,
    });
    expect(artefacts.map(({name}) => name)).toEqual(['model.vmfb']);
    expect(artefacts[0]!.bytes.length).toBeGreaterThan(1000);
    expect(versions.get('iree-compile')).toMatch(/^\d+\.\d+/);
  });

  it('compiles for this machine and times what it made', async () => {
    const benchmark = {graphName: 'graph', inputs: ['1x4xf32']};
    const {measurement} = await compile({cpu: 'host', triple: null, benchmark});
    expect(measurement.latency!.runs).toBe(10);
    expect(measurement.latency!.medianMs).toBeGreaterThan(0);
    expect(measurement.latency!.medianMs).toBeLessThan(1000);
  });

  it('says which processors it knows when it is given another', async () => {
    await expect(
      compile({cpu: 'cortex-z99', triple: 'aarch64-linux-gnu', benchmark: null}),
    ).rejects.toMatchObject({
      code: 'compiler-failed',
      message: expect.stringContaining('iree-compile on bench') as string,
    });
  });
});
