import {describe, expect, it} from 'vitest';
import {
  openCompileSamples,
  type CompileSamplesOptions,
} from '../../src/workflows/builds/openCompileSamples.ts';
import type {DataSet} from '../../src/workflows/openDataSet.ts';
import {writeNpy} from '../../src/workspace/npy.ts';
import {input, useDataFolder, valuesOf} from './dataFolder.ts';

const {at, writeImage} = useDataFolder();

/** Samples [2·n, 2·n + 1] for n below `count`. */
async function writeRows(name: string, count: number): Promise<void> {
  await writeNpy(at(name), {
    elementType: 'float32',
    shape: [count, 2],
    bytes: new Uint8Array(Float32Array.from({length: 2 * count}, (_, index) => index).buffer),
  });
}

async function split(name: string, rows: number, options: Partial<CompileSamplesOptions> = {}) {
  const samples = await openCompileSamples(
    {calibration: name, resolve: at, classCount: null, seed: 0, calibrationSamples: 128, ...options},
    [input([rows, 2])],
  );
  const numbersOf = async (part: DataSet): Promise<number[]> => {
    const found: number[] = [];
    for (let index = 0; index < part.requestCount; index += 1)
      found.push(...valuesOf((await part.readRequest(index)).x).filter((_, at) => at % 2 === 0));
    return found.map(value => value / 2);
  };
  const learned = await numbersOf(samples.learning);
  const judged = await numbersOf(samples.evaluation);
  await samples.close();
  const {calibrationRequests, heldOutRequests, warnings} = samples;
  return {calibrationRequests, heldOutRequests, warnings, learned, judged};
}

describe('one data set for calibrating, choosing and judging', () => {
  it('is cut in two fifths, half as many to choose by, and all the rest to judge by', async () => {
    await writeRows('hundred.npy', 100);
    const {calibrationRequests, heldOutRequests, learned, judged, warnings} = await split('hundred.npy', 1);
    expect([calibrationRequests, heldOutRequests, judged.length]).toEqual([40, 20, 40]);
    expect(new Set([...learned, ...judged]).size).toBe(100);
    expect(warnings).toEqual([]);
  });

  it.each([
    [48, 16],
    [50, 4],
    [7, 2],
  ])('%i samples, %i a request: no sample is in two parts', async (count, rows) => {
    await writeRows(`of${count}.npy`, count);
    const {learned, judged} = await split(`of${count}.npy`, rows);
    const all = [...learned, ...judged];
    expect(new Set(all).size).toBe(all.length);
  });

  it('says so when there are too few to keep the parts apart', async () => {
    await writeRows('one.npy', 1);
    const {warnings} = await split('one.npy', 1);
    expect(warnings.join(' ')).toMatch(/hold any out.*judge on others/);
  });
});

describe('what was assumed or left out', () => {
  it('of either data set is a warning of the build', async () => {
    await writeRows('nine.npy', 9);
    await writeRows('five.npy', 5);
    const {warnings} = await split('nine.npy', 2, {evaluation: 'five.npy'});
    expect(warnings).toEqual([
      '1 of 9 samples are left out: the model takes 2 at a time.',
      '1 of 5 samples are left out: the model takes 2 at a time.',
    ]);
    for (const name of ['a', 'b', 'c', 'd']) await writeImage(`photos/${name}.png`, [1, 2, 3]);
    const images = await openCompileSamples(
      {calibration: 'photos', resolve: at, classCount: null, seed: 0, calibrationSamples: 128},
      [input([1, 3, 4, 4])],
    );
    expect(images.warnings.join()).toContain('No preprocessing is declared for input x');
    await images.close();
  });

  it('random values to judge by are a warning too', async () => {
    await writeRows('ten.npy', 10);
    const {warnings} = await split('ten.npy', 1, {evaluation: {random: {samples: 4}}});
    expect(warnings).toEqual(['Judged on random values: the accuracy says nothing about real data.']);
  });
});
