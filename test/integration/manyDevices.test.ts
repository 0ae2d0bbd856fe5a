import {randomBytes} from 'node:crypto';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {openFleet, type BenchFleet} from '../../bench/fleet/openFleet.ts';
import {isOpenSshInstalled} from './sshServers.ts';

const COUNTS = {emulated: 10, real: 2};

let fleet: BenchFleet | undefined;
beforeAll(async () => {
  if (isOpenSshInstalled()) fleet = await openFleet(COUNTS);
}, 60_000);
afterAll(() => fleet?.close());

/** `npm run bench:fleet` has 220 of them, and bars. */
it.runIf(isOpenSshInstalled())(
  'a rollout reaches emulated devices and real sshd with their default limits, and none refuses a session',
  async () => {
    const order = {constant: 1, weights: randomBytes(1_000_000), maxParallel: 6};
    const {outcome, confirmed, reason} = await fleet!.rollOut(order);
    expect(outcome, reason).toBe('complete');
    expect(confirmed).toBe(COUNTS.emulated + COUNTS.real);
    for (const {device} of fleet!.servers) expect(await device.answer()).toBe(1);
    expect(await fleet!.countRefused()).toBe(0);
  },
  60_000,
);
