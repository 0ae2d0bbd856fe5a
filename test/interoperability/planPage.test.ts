import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {pageFromPlan} from '../../src/terminal/page/pageFromPlan.ts';
import {goldenPlan, planOfGraph, STYLE} from '../unit/terminal/page/samplePlans.ts';
import {hasChromium, startChromium, type Page} from './chromium.ts';

const LONG = 'backbone/stage3/block12/conv2/'.repeat(4);
const PLANS = {
  split: goldenPlan('raw-input-stays'),
  branches: planOfGraph([
    [`${LONG}stem`, 'device', ['image']],
    [`${LONG}a`, 'device', [`${LONG}stem`]],
    [`${LONG}b`, 'device', [`${LONG}stem`]],
    [`${LONG}c`, 'cloud', [`${LONG}stem`]],
    [`${LONG}join`, 'cloud', [`${LONG}a`, `${LONG}b`, `${LONG}c`]],
  ]),
};

/** Texts of a drawing that do not lie within its box, or boxes that lie over one another. */
const OVERLAPS = `(() => {
  const found = [];
  const boxes = [...document.querySelectorAll('.graph .node')].map(node => {
    const box = node.querySelector('.box').getBoundingClientRect();
    for (const text of node.querySelectorAll('text')) {
      const {left, right} = text.getBoundingClientRect();
      if (left < box.left || right > box.right) found.push(text.textContent);
    }
    return box;
  });
  boxes.forEach((one, at) => boxes.slice(at + 1).forEach(two => {
    if (one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom)
      found.push('box ' + at);
  }));
  return found;
})()`;

describe.skipIf(!hasChromium)(
  'the page of a plan in headless Chromium (left out where there is no chromium)',
  () => {
    let folder: string;
    let page: Page;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'edgewise-page-'));
      for (const [name, plan] of Object.entries(PLANS))
        await writeFile(join(folder, `${name}.html`), pageFromPlan({plan, answer: null, style: STYLE}));
      page = await startChromium(join(folder, 'profile'));
    });

    afterAll(async () => {
      await page.close();
      await rm(folder, {recursive: true, force: true, maxRetries: 5});
    });

    it.each([
      ['split', 400, 'light'],
      ['split', 1400, 'dark'],
      ['branches', 400, 'dark'],
      ['branches', 1400, 'light'],
    ] as const)(
      '%s fits %d pixels in %s, asks for nothing else, and no text leaves its box',
      async (name, width, scheme) => {
        await page.open(join(folder, `${name}.html`), width, scheme);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
        expect(await page.evaluate(OVERLAPS)).toEqual([]);
        expect(page.requested).toEqual([`file://${join(folder, `${name}.html`)}`]);
        const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        expect(ground).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 24, 28)');
      },
    );
  },
);
