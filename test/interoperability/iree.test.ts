import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {ignoreEvents} from '../../src/events.ts';
import {ireeJob, type IreeOptions} from '../../src/targets/compilers/iree.ts';
import {ireeProcessor} from '../../src/targets/compilers/ireeProcessor.ts';
import {runCompiler} from '../../src/workflows/runCompiler.ts';
import {arithmeticModel} from '../integration/smallModels.ts';

const python = process.env['EDGEWISE_PYTHON'];
const bin = dirname(python ?? '');
const hasIree = python !== undefined && spawnSync(join(bin, 'iree-compile'), ['--version']).status === 0;
if (!hasIree) console.warn('IREE: skipped; EDGEWISE_PYTHON names a Python beside which iree-compile is');

const ARM = {features: [], triple: 'aarch64-linux-gnu', reason: 'asked for'};

const ARM_FEATURES = 'asimddp asimdfhm asimdhp bf16 i8mm'.split(' ');
const X86_FEATURES = (
  'cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 abm avx avx2 bmi1 bmi2 f16c fma movbe xsave ' +
  'avx512bw avx512cd avx512dq avx512f avx512vl avx512_bf16 avx512_vnni'
).split(' ');

/** e_machine of the System V ABI: EM_X86_64, EM_AARCH64. */
const ELF_MACHINES: Readonly<Record<string, number>> = {x64: 62, arm64: 183};

/** Of the ELF file inside IREE's module. */
function machineOfCode(module: Uint8Array): number {
  const bytes = Buffer.from(module);
  return bytes.readUInt16LE(bytes.indexOf('\x7fELF', 0, 'latin1') + 18);
}

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

  it.each([
    {cpuModel: 'ARM Cortex-A76', architecture: 'arm64', cpuFeatures: ['asimddp']},
    {cpuModel: 'ARM Cortex-A55 + ARM Cortex-A76', architecture: 'arm64', cpuFeatures: ARM_FEATURES},
    {cpuModel: 'Intel(R) N100', architecture: 'x64', cpuFeatures: []},
    {cpuModel: 'AMD EPYC', architecture: 'x64', cpuFeatures: X86_FEATURES},
  ])('compiles for the processor of a device: $cpuModel', async facts => {
    const {artefacts, versions} = await compile({
      processor: ireeProcessor({...facts, cores: 4}),
      benchmark: null,
    });
    expect(artefacts.map(({name}) => name)).toEqual(['model.vmfb']);
    expect(machineOfCode(artefacts[0]!.bytes)).toBe(ELF_MACHINES[facts.architecture]);
    expect(versions.get('iree-compile')).toMatch(/^\d+\.\d+/);
  });

  it('compiles for this machine and times what it made', async () => {
    const input = {name: 'x', elementType: 'float32', shape: [1, 4]} as const;
    const benchmark = {graphName: 'graph', inputs: [input]};
    const {measurement} = await compile({processor: ireeProcessor(null), benchmark});
    expect(measurement.latency!.runs).toBe(10);
    expect(measurement.latency!.medianMs).toBeGreaterThan(0);
    expect(measurement.latency!.medianMs).toBeLessThan(1000);
  });

  it('says which processors it knows when it is given another', async () => {
    await expect(compile({processor: {...ARM, cpu: 'cortex-z99'}, benchmark: null})).rejects.toMatchObject({
      code: 'compiler-failed',
      message: expect.stringContaining('iree-compile on bench') as string,
    });
  });
});
