import {expect, it} from 'vitest';
import {fitRoofline, rooflineMs} from '../../../src/estimate/roofline.ts';
import {MODELS} from './madeUpMachine.ts';

it('finds the rates that times were made from', () => {
  const made = {
    fixedMs: 0.004,
    bytesPerMs: 6e6,
    multiplyAddsPerMs: {'dense-convolution': 3e7, 'depthwise-convolution': 2e6, product: 3e7},
  };
  const rows = MODELS.flatMap(({layers}) => layers.map(work => ({work, ms: rooflineMs(work, made)})));
  const found = fitRoofline(
    rows,
    rows.map(() => 1),
  );
  for (const {work, ms} of rows) expect(Math.abs(rooflineMs(work, found) / ms - 1)).toBeLessThan(0.03);
  // No layer is a product of matrices: its rate is that of dense convolutions.
  expect(found.multiplyAddsPerMs.product).toBe(found.multiplyAddsPerMs['dense-convolution']);
});
