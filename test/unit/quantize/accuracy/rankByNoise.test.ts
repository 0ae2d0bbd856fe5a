import {describe, expect, it} from 'vitest';
import type {OnnxModel} from '../../../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../../../src/model/onnx/tensorData.ts';
import {rankByNoise} from '../../../../src/quantize/accuracy/rankByNoise.ts';
import {normalSamples} from '../correction/samples.ts';
import {floats, graphOf, node} from '../precision/precisionModels.ts';

const SIZE = 8;

/** The identity with these values added. */
function adding(values: readonly number[]): OnnxModel {
  const noise = Float32Array.from({length: SIZE}, (_, at) => values[at] ?? 0);
  return graphOf(
    [node('Add', ['x', 'noise'], ['y'])],
    [tensorFromValue('noise', floats([1, SIZE], noise))],
    {x: [1, SIZE]},
    {y: [1, SIZE]},
  ).model;
}

/** Each layer that is not kept spoils an element of its own by so much; `more` comes on top. */
function lowering(
  noise: Readonly<Record<string, number>>,
  more: (isLowered: (layer: string) => boolean) => number = () => 0,
) {
  const built: string[][] = [];
  const lower = (kept: ReadonlySet<string>): OnnxModel => {
    built.push([...kept]);
    const own = Object.entries(noise).map(([layer, value]) => (kept.has(layer) ? 0 : value));
    return adding([...own, more(layer => !kept.has(layer))]);
  };
  return {lower, built, layers: Object.keys(noise)};
}

const rank = ({lower, layers}: ReturnType<typeof lowering>, onLayer = (): void => {}) =>
  rankByNoise({
    float: adding([]),
    layers,
    lower,
    runner: normalSamples('x', [1, SIZE], 6),
    sampleCount: 4,
    onLayer,
  });

describe('layers ranked by the noise that each brings alone', () => {
  it('the noisiest comes first, equal ones as they came', async () => {
    const noise = {a: 0.1, b: 0.3, c: 0.1, d: 0.2, e: 0};
    expect(await rank(lowering(noise))).toEqual(['b', 'd', 'a', 'c', 'e']);
  });

  it('one that spoils what others make comes before all', async () => {
    const spoilt = lowering({a: 0.1, b: 0.3, c: 0.01}, isLowered =>
      isLowered('c') && (isLowered('a') || isLowered('b')) ? 1 : 0,
    );
    expect(await rank(spoilt)).toEqual(['c', 'b', 'a']);
  });

  it('of several without any of which most of the noise is gone, first the one without which least is left', async () => {
    const together = lowering({a: 0.1, b: 0.3, c: 0.01}, isLowered =>
      ['a', 'b', 'c'].every(isLowered) ? 1 : 0,
    );
    expect(await rank(together)).toEqual(['b', 'a', 'c']);
  });

  it('one that makes NaN comes before those that only make noise', async () => {
    expect(await rank(lowering({a: 0.1, b: NaN, c: 0.2}))).toEqual(['b', 'c', 'a']);
  });

  it('tells how far it is', async () => {
    const done: number[][] = [];
    const told = lowering({a: 0.1, b: 0.2});
    await rankByNoise({
      float: adding([]),
      layers: told.layers,
      lower: told.lower,
      runner: normalSamples('x', [1, SIZE], 6),
      sampleCount: 4,
      onLayer: (...progress) => void done.push(progress),
    });
    expect(done).toEqual([
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ]);
    expect(told.built).toEqual([[], ['b'], ['a'], ['a'], ['b']]);
  });
});
