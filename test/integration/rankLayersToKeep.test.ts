import {describe, expect, test} from 'vitest';
import {IMPROVEMENTS} from '../../src/documents/improvements.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {lowerStatically} from '../../src/workflows/builds/lowerStatically.ts';
import type {Lowering} from '../../src/workflows/builds/lowering.ts';
import {rankLayersToKeep} from '../../src/workflows/builds/rankLayersToKeep.ts';
import {normalSamples} from '../unit/quantize/correction/samples.ts';
import {floats, graphOf, node, randomWeight} from '../unit/quantize/precision/precisionModels.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';

const SHAPE = [1, 8, 6, 6];
const SAMPLES = 12;

/** Two convolutions of the same input; of the second one a hundredth reaches the output. Its own error is the larger one. */
const twoBranches = graphOf(
  [
    node('Conv', ['x', 'heard'], ['a']),
    node('Conv', ['x', 'hushed'], ['b']),
    node('Mul', ['b', 'hundredth'], ['quiet']),
    node('Add', ['a', 'quiet'], ['y']),
  ],
  [
    randomWeight('heard', [8, 8, 3, 3], 1, 0.1),
    // One input channel decides the scale, and the others are rounded roughly.
    tensorFromValue('hushed', floats([8, 8, 3, 3], unevenWeights())),
    tensorFromValue('hundredth', floats([1], Float32Array.of(0.01))),
  ],
  {x: SHAPE},
  {y: [1, 8, 4, 4]},
);

function unevenWeights(): Float32Array {
  return Float32Array.from({length: 8 * 8 * 9}, (_, at) =>
    Math.floor(at / 9) % 8 === 0 ? 3 * Math.sin(at) : 0.01 * Math.cos(at),
  );
}

async function lowered(): Promise<{lowering: Lowering; runner: ReturnType<typeof normalSamples>}> {
  const runner = normalSamples('x', SHAPE, SAMPLES);
  const scheme = targetByName('x86-vnni').recipe.candidates[0]!.scheme!;
  const lowering = await lowerStatically(
    {
      graph: twoBranches,
      runner,
      calibrationRequests: 8,
      distinctRequests: SAMPLES,
      mode: 'fused',
      without: IMPROVEMENTS,
      seed: 0,
      report: () => {},
    },
    scheme,
  );
  return {lowering, runner};
}

describe('layers to keep in float', () => {
  test('come in the order of the noise they bring to the outputs', async () => {
    const {lowering, runner} = await lowered();
    const told: number[] = [];
    const ranked = await rankLayersToKeep(lowering, runner, lowering.build(new Set()), ({done}) =>
      told.push(done),
    );
    expect(ranked.indexOf('conv-a')).toBeLessThan(ranked.indexOf('conv-b'));
    expect(told.length).toBeGreaterThan(ranked.length);
  });

  test('by their own errors where the model is so large that making it once a layer takes minutes', async () => {
    const {lowering, runner} = await lowered();
    const tensors = new Map(lowering.graph.tensors);
    // The weights are as they were; only what is said of their size is not.
    tensors.set('hushed', {...tensors.get('hushed')!, shape: [8, 8, 3, 1e7]});
    let told = 0;
    const build = lowering.build(new Set());
    const large = {...lowering, graph: {...lowering.graph, tensors}};
    const ranked = await rankLayersToKeep(large, runner, build, () => (told += 1));
    expect(told).toBe(0);
    expect(ranked.indexOf('conv-b')).toBeLessThan(ranked.indexOf('conv-a'));
  });

  test('by their own errors where they cannot be lowered one by one', async () => {
    const {lowering, runner} = await lowered();
    const {isSeparable, ...others} = lowering;
    expect(isSeparable).toBe(true);
    const ranked = await rankLayersToKeep(others, runner, lowering.build(new Set()));
    expect(ranked.indexOf('conv-b')).toBeLessThan(ranked.indexOf('conv-a'));
  });
});
