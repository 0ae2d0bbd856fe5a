import {expect, it} from 'vitest';
import {
  chooseSizes,
  EXCHANGES_A_TURN,
  turnsMs,
  type LinkSize,
} from '../../../src/runtime/measure/linkSizes.ts';

/** Chooses on a link without a clock: an exchange takes what the link says, and the time left is counted down by it. */
async function chooseOn(link: (size: LinkSize) => number, budgetMs: number) {
  let leftMs = budgetMs;
  const measureOnce = (size: LinkSize): Promise<number> => {
    size.spentMs = link(size);
    leftMs -= size.spentMs;
    return Promise.resolve(size.spentMs);
  };
  const sizes = await chooseSizes(measureOnce, () => leftMs);
  return {leftMs, sizes, pairs: sizes.map(({upBytes, downBytes}) => [upBytes, downBytes] as const)};
}

const linkOf =
  ({roundTripMs, upMbit, downMbit}: {roundTripMs: number; upMbit: number; downMbit: number}) =>
  ({upBytes, downBytes}: LinkSize) =>
    roundTripMs + (8 * upBytes) / (1000 * upMbit) + (8 * downBytes) / (1000 * downMbit);

it('takes all sizes, up to 1 MiB each way, where they are quick', async () => {
  const {pairs} = await chooseOn(linkOf({roundTripMs: 5, upMbit: 500, downMbit: 500}), 10_000);
  expect(pairs).toEqual([
    [16, 16],
    [8192, 16],
    [16, 8192],
    [98_304, 16],
    [16, 98_304],
    [2 ** 20, 16],
    [16, 2 ** 20],
  ]);
});

it('goes as far as the time allows where the link is slow, and each way by itself', async () => {
  const {pairs} = await chooseOn(linkOf({roundTripMs: 60, upMbit: 2, downMbit: 200}), 6000);
  const largest = (way: 0 | 1) => Math.max(...pairs.map(pair => pair[way]));
  expect(largest(1)).toBe(2 ** 20);
  expect(largest(0)).toBeGreaterThan(16_384);
  expect(largest(0)).toBeLessThan(200_000);
});

it('measures one size each way whatever it takes', async () => {
  const {pairs} = await chooseOn(linkOf({roundTripMs: 600, upMbit: 0.05, downMbit: 0.05}), 1000);
  expect(pairs).toEqual([
    [16, 16],
    [8192, 16],
    [16, 8192],
  ]);
});

it('leaves time for two turns of each where more than the least was chosen', async () => {
  for (const roundTripMs of [1, 20, 60, 150])
    for (const mbit of [0.5, 2, 8, 50, 1000])
      for (const budgetMs of [2000, 6000, 10_000]) {
        const chosen = await chooseOn(linkOf({roundTripMs, upMbit: mbit, downMbit: mbit}), budgetMs);
        // The line that tells what a size takes knows nothing of the smallest exchange's 16 bytes.
        const neededMs = 0.99 * 2 * turnsMs(chosen.sizes);
        if (chosen.sizes.length > 3) expect(chosen.leftMs).toBeGreaterThanOrEqual(neededMs);
      }
});

it('does not take one stall for what a size costs', async () => {
  let exchanges = 0;
  const link = linkOf({roundTripMs: 5, upMbit: 500, downMbit: 500});
  // The first of the two that tell what 8 KiB upwards takes.
  const {pairs} = await chooseOn(size => link(size) + (++exchanges === 3 ? 3000 : 0), 10_000);
  expect(pairs).toContainEqual([2 ** 20, 16]);
});

it('counts a turn as what its exchanges took last', () => {
  const sizes = [10, 30].map(spentMs => ({upBytes: 16, downBytes: 16, measuredMs: [], spentMs}));
  expect(turnsMs(sizes)).toBe(EXCHANGES_A_TURN * 40);
});
