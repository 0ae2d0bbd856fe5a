import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {spawnSync} from 'node:child_process';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {saturatesHere} from '../../src/workflows/saturatesHere.ts';
import {ignoreEvents} from '../../src/events.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {openvinoJob, type OpenvinoOptions} from '../../src/targets/compilers/openvino.ts';
import {OPENVINO} from '../../src/targets/openvino.ts';
import type {CandidateBuild} from '../../src/targets/target.ts';
import {runCompiler} from '../../src/workflows/runCompiler.ts';
import {everyOperatorModel, inventedRanges} from '../unit/targets/everyOperator.ts';

const python = process.env['EDGEWISE_PYTHON'];
const bin = dirname(python ?? '');
/** Nothing of the tests is to be reported over the network. */
const env = {...process.env, CI: 'true'};
const hasOpenvino = python !== undefined && spawnSync(join(bin, 'ovc'), ['--version'], {env}).status === 0;
if (!hasOpenvino)
  console.warn('openvino: skipped; EDGEWISE_PYTHON names a Python beside which ovc and benchmark_app are');

const OPTIONS: OpenvinoOptions = {
  isHalfPrecision: false,
  floatPrecision: 'f32',
  inputType: 'f32',
  seconds: 1,
};

const DO_SUMS_SATURATE = await saturatesHere();

describe.skipIf(!hasOpenvino)('OpenVINO itself', () => {
  let home: string;
  let machine: Machine;
  const graph = graphFromModel(everyOperatorModel());
  // The build for this machine: where sums saturate, with weights of 7 bits.
  const isForHere = ({onlyWith}: CandidateBuild) => (onlyWith === undefined) === DO_SUMS_SATURATE;
  const {scheme} = OPENVINO.recipe.candidates.find(isForHere)!;
  const plan = planQuantization(graph, scheme!);
  let floatPath: string;
  let quantizedPath: string;
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-openvino-'));
    floatPath = join(folder, 'float.onnx');
    quantizedPath = join(folder, 'quantized.onnx');
    writeFileSync(floatPath, bytesFromModel(graph.model));
    const ranges = inventedRanges(tensorsToMeasure(plan));
    writeFileSync(quantizedPath, bytesFromModel(quantizeGraph(graph, plan, scheme!, ranges)));
  });
  afterAll(() => rmSync(folder, {recursive: true, force: true}));

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'edgewise-openvino-home-'));
    machine = await connectMachine(
      {name: 'bench', address: 'local'},
      {acceptNewHostKeys: false, environment: {HOME: home, PATH: `${bin}:/usr/bin:/bin`}},
    );
  });
  afterEach(async () => {
    await machine.close();
    rmSync(home, {recursive: true, force: true});
  });

  const compile = (path: string, options: OpenvinoOptions) =>
    runCompiler(machine, openvinoJob(options), [{name: 'model.onnx', path}], ignoreEvents);

  it('converts and times a float model; its layers and their times are read', async () => {
    const {artefacts, measurement, versions} = await compile(floatPath, OPTIONS);
    expect(artefacts.map(({name}) => name)).toEqual(['model.bin', 'model.xml']);
    expect(versions.get('ovc')).toMatch(/^\d+\.\d+\.\d+$/);
    const {latency, layers} = measurement;
    expect(latency!.runs).toBeGreaterThan(10);
    expect(latency!.minMs).toBeLessThanOrEqual(latency!.medianMs);
    expect(latency!.medianMs).toBeLessThanOrEqual(latency!.maxMs);
    const convolutions = layers.filter(({operator}) => operator === 'Convolution');
    expect(convolutions.length).toBeGreaterThan(40);
    expect(convolutions.filter(({kernel}) => /i8|u8/i.test(kernel))).toEqual([]);
  });

  it('stores weights in half precision where it is asked to', async () => {
    const sizeOf = async (options: OpenvinoOptions): Promise<number> => {
      const {artefacts} = await compile(floatPath, options);
      return artefacts.find(({name}) => name === 'model.bin')!.bytes.length;
    };
    const whole = await sizeOf(OPTIONS);
    expect(await sizeOf({...OPTIONS, isHalfPrecision: true})).toBeLessThan(0.6 * whole);
  });

  it('computes on integers what the table says it does', async () => {
    const {layers} = (await compile(quantizedPath, OPTIONS)).measurement;
    const products = layers.filter(({operator}) => /^(Convolution|FullyConnected)$/.test(operator));
    // OpenVINO makes one of layers with the same weights and input, so their number is not known.
    expect(products.length).toBeGreaterThan(40);
    expect(products.filter(({kernel}) => !kernel.endsWith('_I8'))).toEqual([]);
    // What moves data, and pools, between them.
    const others = [
      'AvgPool',
      'Concat',
      'DepthToSpace',
      'Gather',
      'MaxPool',
      'ReduceMin',
      'Slice',
      'Split',
      'Transpose',
    ];
    for (const operator of others)
      expect([operator, layers.find(layer => layer.operator === operator)?.kernel]).toEqual([
        operator,
        expect.stringMatching(/_I8$/),
      ]);
  });

  it('computes what ONNX Runtime computes', () => {
    const script = join(import.meta.dirname, 'openvino_outputs.py');
    const {stdout, stderr, status} = spawnSync(python ?? '', [script, quantizedPath], {
      encoding: 'utf8',
      env,
    });
    expect(status, stderr).toBe(0);
    const decibels = JSON.parse(stdout) as Record<string, number>;
    expect(Object.keys(decibels).length).toBe(graph.outputs.length);
    // Integers that lie between two values may be rounded the other way, which leaves 70 dB and more. Without VNNI other
    // kernels round more of them so (51 dB and more), and what Div, Pow and Sqrt magnify keeps 23 dB; a lost scale keeps none.
    const [least, usual] = DO_SUMS_SATURATE ? [20, 50] : [60, 60];
    const below = (bound: number) => Object.entries(decibels).filter(([, value]) => value < bound);
    expect(below(least)).toEqual([]);
    expect(below(usual).length / graph.outputs.length).toBeLessThan(0.1);
  });

  it('says what it does not like, in its own words', async () => {
    const broken = join(folder, 'broken.onnx');
    writeFileSync(broken, 'no model');
    await expect(compile(broken, OPTIONS)).rejects.toMatchObject({
      code: 'compiler-failed',
      exitCode: 12,
      message: expect.stringContaining('ovc on bench') as string,
    });
  });
});
