import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openWorkshop, type Workshop} from './deployDevice.ts';
import {KILL_POINTS, killAt} from './killMatrix.ts';

/** The turning points; `npm run bench:kill` goes through all of them. */
const HERE = [
  'release:admitted goes-on',
  'release:switched power-cut',
  'release:healthy goes-on',
  'switch:pending goes-on',
  'switch:previous power-cut',
  'confirm:claimed goes-on',
  'revert:current power-cut',
  'roll-back:claimed power-cut',
  'patch:named power-cut',
];

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

it('has sixty points at least', () => {
  expect(KILL_POINTS.length).toBeGreaterThanOrEqual(60);
});

describe('a deployment that dies leaves a device that serves, and the next one ends well:', () => {
  const points = KILL_POINTS.filter(({step, then}) => HERE.includes(`${step} ${then}`));
  expect(points).toHaveLength(HERE.length);
  it.concurrent.for(points)('$who dies after $step, $then', async point => {
    expect(await killAt(workshop, point)).toEqual([]);
  });
});
