import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {NamedTensors} from '../../src/documents/tensor.ts';
import {runOnce} from '../../src/engine/session.ts';
import type {Optimization} from '../../src/engine/workerMessages.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {withUnsignedWeights} from '../../src/quantize/saturation/withUnsignedWeights.ts';
import {openExactBuild} from '../../src/workflows/builds/openExactBuild.ts';
import {saturatesHere} from '../../src/workflows/saturatesHere.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {SATURATING_CASES} from './saturatingModels.ts';

/** One step of the integers that the cases round their results to, and what adding in another order changes. */
const STEP = 4.01;
const DYNAMIC = 'dynamic quantisation';

describe('sums of products of bytes, whatever this machine,', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-exact-'));
  });
  afterAll(() => rmSync(folder, {recursive: true, force: true}));

  it('are known to be cut off where the processor has no VNNI', async () => {
    if (process.platform !== 'linux' || process.arch !== 'x64') return;
    const hasVnni = /\b(avx512_vnni|avx_vnni)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
    expect(await saturatesHere()).toBe(!hasVnni);
  });

  it.each(SATURATING_CASES.map(one => [one.title, one] as const))(
    '%s: are exact',
    async (title, {model, input}) => {
      // Node by node the conversions are computed in float. Dynamic quantisation is on integers there too.
      const isDynamic = title.includes(DYNAMIC);
      const expected = await answerOf(isDynamic ? withUnsignedWeights(model) : model, {x: input}, 'disabled');
      const path = join(folder, 'model.onnx');
      writeFileSync(path, bytesFromModel(model));
      const build = await openExactBuild(path, {threads: 1});
      try {
        expectClose(Object.values(await build.run({x: input}))[0], expected);
      } finally {
        await build.close();
      }
      const runner = startSampleRunner(
        {requestCount: 1, readRequest: async () => ({x: {...input, bytes: input.bytes.slice()}})},
        {temporaryFolder: folder, threads: 1},
      );
      const visited: NamedTensors[] = [];
      await runner.run({
        model,
        tensors: model.graph.outputs.map(({name}) => name),
        mode: 'fused',
        visit: values => void visited.push(values),
      });
      expectClose(Object.values(visited[0] ?? {})[0], expected);
    },
  );

  it('say so in the build only where this machine would cut them off', async () => {
    const [{model}] = SATURATING_CASES as [(typeof SATURATING_CASES)[number]];
    const path = join(folder, 'model.onnx');
    writeFileSync(path, bytesFromModel(model));
    const build = await openExactBuild(path, {threads: 1});
    await build.close();
    expect(build.decisions.length).toBe((await saturatesHere()) ? 1 : 0);
  });

  it('unsigned weights are the same numbers, once for all that read them, and no int8 weight is left', async () => {
    for (const {title, model, input} of SATURATING_CASES) {
      const unsigned = withUnsignedWeights(model);
      if (title === 'unsigned weights') {
        expect(unsigned).toBe(model);
        continue;
      }
      const int8Code = 3;
      expect(unsigned.graph.initializers.filter(({elementTypeCode}) => elementTypeCode === int8Code)).toEqual(
        [],
      );
      if (title.includes(DYNAMIC)) continue;
      const [one, other] = [
        await answerOf(model, {x: input}, 'disabled'),
        await answerOf(unsigned, {x: input}, 'disabled'),
      ];
      expect(Buffer.compare(one.bytes, other.bytes)).toBe(0);
    }
  });
});

async function answerOf(model: OnnxModel, feeds: NamedTensors, optimization: Optimization) {
  const {outputs} = await runOnce({bytes: bytesFromModel(model)}, feeds, {optimization, threads: 1});
  const [output] = Object.values(outputs);
  if (output === undefined) throw new Error('no output');
  return output;
}

function expectClose(found: NamedTensors[string] | undefined, expected: NamedTensors[string]): void {
  const [one, other] = [floatsIn(found), floatsIn(expected)];
  expect(one.length).toBe(other.length);
  const largest = Math.max(...other.map(Math.abs));
  const worst = Math.max(...one.map((value, at) => Math.abs(value - (other[at] ?? NaN))));
  expect(worst).toBeLessThanOrEqual(Math.max(STEP, largest * 1e-5));
}

function floatsIn(tensor: NamedTensors[string] | undefined): number[] {
  const bytes = new Uint8Array(tensor?.bytes ?? []);
  return [...new Float32Array(bytes.buffer)];
}
