import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {describe, expect, it} from 'vitest';
import type {Plan} from '../../../../src/documents/plan.ts';
import {planFromYaml} from '../../../../src/documents/readDocument.ts';
import {cutsToCarry} from '../../../../src/workflows/release/cutsToCarry.ts';

function golden(name: string): Plan {
  const file = fileURLToPath(new URL(`../../../golden/${name}.plan.yaml`, import.meta.url));
  return planFromYaml(readFileSync(file, 'utf8'), file);
}

describe('which cuts a release carries', () => {
  const plan = golden('article-free');

  it('those that are the best around the measured bandwidth, the plan’s own among them, without gaps', () => {
    const carried = cutsToCarry(plan)!;
    const own = carried.table[carried.first]!;
    expect(own.layers.map(({tier}) => tier)).toEqual(plan.layers.map(({tier}) => tier));
    expect(own.fromBytesPerSecond).toBeLessThanOrEqual(carried.bytesPerSecond);
    expect(own.toBytesPerSecond ?? Infinity).toBeGreaterThanOrEqual(carried.bytesPerSecond);
    expect(carried.table[0]!.fromBytesPerSecond).toBe(0);
    expect(carried.table.at(-1)!.toBytesPerSecond).toBeNull();
    carried.table.slice(1).forEach((cut, at) => {
      expect(cut.fromBytesPerSecond).toBe(carried.table[at]!.toBytesPerSecond);
      // More bandwidth, more bytes.
      expect(cut.transferMs).toBeGreaterThan(carried.table[at]!.transferMs);
    });
  });

  it('the raw input stays: no cut sends it', () => {
    const carried = cutsToCarry(golden('article-raw-input-stays'));
    for (const {layers} of carried?.table ?? []) expect(layers[0]?.tier).toBe('device');
  });

  it('none where nothing else is ever the best, where there is no cloud, and in older plans', () => {
    expect(cutsToCarry(golden('article-no-cloud'))).toBeNull();
    expect(cutsToCarry(golden('article-pinned'))).toBeNull();
    const {envelope, ...older} = plan;
    expect(cutsToCarry(older)).toBeNull();
    const placements = envelope!.placements.map(({linkMs: _, ...rest}) => rest);
    const [first, ...others] = placements;
    expect(cutsToCarry({...plan, envelope: {...envelope!, placements: [first!, ...others]}})).toBeNull();
  });

  it('none where what crosses is rounded: the accuracy of the others is not known', () => {
    const cut = plan.cut.map(row => (row.direction === 'up' ? {...row, precision: 'fp16' as const} : row));
    expect(cutsToCarry({...plan, cut})).toBeNull();
  });
});
