import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {controlAccuracy} from '../../../../src/quantize/accuracy/controlAccuracy.ts';

const names = (count: number): string[] => Array.from({length: count}, (_, index) => `layer${index}`);

/** The budget holds exactly when all of `needed` are kept. */
function startControl(count: number, needed: ReadonlySet<string>) {
  const asked: string[][] = [];
  const run = controlAccuracy({
    ranked: names(count),
    validate: kept => {
      asked.push([...kept]);
      const missing = [...needed].filter(name => !kept.includes(name)).length;
      return Promise.resolve({value: 1 - missing / 100, isMet: missing === 0});
    },
    allKept: {value: 1, isMet: [...needed].every(name => names(count).includes(name))},
  });
  return {run, asked};
}

describe('accuracy control', () => {
  test('validates once when the budget holds with everything quantised', async () => {
    const {run, asked} = startControl(40, new Set());
    expect((await run).chosen?.keptLayers).toEqual([]);
    expect(asked).toEqual([[]]);
  });

  test('keeps only the most sensitive layer when that one is enough', async () => {
    const {run} = startControl(100, new Set(['layer0']));
    expect((await run).chosen?.keptLayers).toEqual(['layer0']);
  });

  test('answers null when no set of layers is enough', async () => {
    const {run, asked} = startControl(12, new Set(['not a layer']));
    expect((await run).chosen).toBeNull();
    expect(asked).toEqual([[]]);
  });

  test('keeps every layer, which needs no validation, when one less is not enough', async () => {
    const {run} = startControl(2, new Set(['layer1']));
    expect((await run).chosen?.keptLayers).toEqual(['layer0', 'layer1']);
  });

  test('gives back layers that the ranking put too high', async () => {
    // Bisection must keep the first 16 for the sake of layer15; those before it are not needed.
    const {run} = startControl(64, new Set(['layer15']));
    const {chosen} = await run;
    expect(chosen?.keptLayers).toContain('layer15');
    expect(chosen?.keptLayers.length).toBeLessThan(16);
  });

  test('the chosen set always meets the budget, and at most 2·log2(layers) validations are spent', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({min: 2, max: 300}).chain(count =>
          fc.record({
            count: fc.constant(count),
            needed: fc.uniqueArray(fc.integer({min: 0, max: count - 1}), {maxLength: 6}),
          }),
        ),
        async ({count, needed}) => {
          const wanted = new Set(needed.map(index => `layer${index}`));
          const {run, asked} = startControl(count, wanted);
          const {chosen} = await run;
          expect(asked.length).toBeLessThanOrEqual(Math.floor(2 * Math.log2(count)));
          expect([...wanted].every(name => chosen?.keptLayers.includes(name))).toBe(true);
        },
      ),
    );
  });
});
