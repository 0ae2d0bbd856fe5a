import {setTimeout as sleep} from 'node:timers/promises';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Machine} from '../../src/device/machine.ts';
import {ignoreEvents} from '../../src/events.ts';
import type {DeviceStep} from '../../src/runtime/deploy/persistedSteps.ts';
import {hexOfDigest} from '../../src/workspace/digest.ts';
import {activateRelease} from '../../src/workflows/deploy/activateRelease.ts';
import {confirmRelease} from '../../src/workflows/deploy/confirmRelease.ts';
import {withDeviceLock} from '../../src/workflows/deploy/deviceLock.ts';
import {isServing, readDeviceTruth} from '../../src/workflows/deploy/readDeviceTruth.ts';
import {revertRelease, rollBackRelease} from '../../src/workflows/deploy/revertRelease.ts';
import {signRelease} from '../../src/workflows/deploy/signRelease.ts';
import {stageRelease} from '../../src/workflows/deploy/stageRelease.ts';
import {
  composeAdding,
  deployAdding,
  onDevice,
  openWorkshop,
  processesOf,
  runningThrough,
  type TestDevice,
  type Workshop,
} from './deployDevice.ts';
import {floats} from './smallModels.ts';

let workshop: Workshop;
const programOf = ({home}: TestDevice) => ({home, runtimeHex: hexOfDigest(workshop.runtime.digest)});

beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const withDevice = (work: (device: TestDevice) => Promise<void>) => onDevice(() => workshop, work);

/** Nobody confirms within it; long enough for a busy machine to come up and answer before. */
const SOON_MS = 15_000;
const KILLED = ['sh', '-c', 'kill -9 $$'];

/** Up to the switch, as a controller does that then is gone. */
async function switchTo(device: TestDevice, constant: number, confirmWithinMs: number) {
  const composed = await composeAdding(workshop, constant, {port: device.port, madeSecond: constant});
  return device.withMachine(machine =>
    withDeviceLock(machine, async lock => {
      const truth = await readDeviceTruth(machine);
      const signed = await signRelease(workshop.store, composed, truth, workshop.key, {
        allowsDowngrade: false,
      });
      const staged = await stageRelease(machine, lock, truth, workshop, signed, {}, ignoreEvents);
      return activateRelease(machine, lock, staged, {confirmWithinMs});
    }),
  );
}

async function waitForServing(device: TestDevice, release: string): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const truth = await device.withMachine(readDeviceTruth);
    const tookMs = performance.now() - startedAt;
    if (isServing(truth, release) && truth.openSwitch === null) return;
    if (tookMs > SOON_MS + 45_000)
      throw new Error(`${release} did not serve after ${tookMs} ms: ${JSON.stringify(truth)}`);
    await sleep(50);
  }
}

describe.concurrent('a switch that nobody confirms', () => {
  it(
    'is taken back by the device at the deadline, remembered, and taken when it comes again',
    withDevice(async device => {
      const {release: first} = await deployAdding(workshop, device, 1);
      const {release: second} = await switchTo(device, 2, SOON_MS);
      expect(await device.answer()).toBe(2);
      await waitForServing(device, first);
      expect(await device.answer()).toBe(1);
      const truth = await device.withMachine(readDeviceTruth);
      expect(truth.ledger?.bad).toEqual([
        {release: second, kind: 'unconfirmed', reason: 'it was not confirmed in time'},
      ]);
      // Its controller was lost, which says nothing about it.
      await deployAdding(workshop, device, 2);
      expect(await device.answer()).toBe(2);
      expect((await device.withMachine(readDeviceTruth)).ledger?.bad).toEqual([]);
    }),
  );

  it(
    'is taken back after a power cut and a restart in the window, long before the deadline',
    withDevice(async device => {
      const {release: first} = await deployAdding(workshop, device, 1);
      await switchTo(device, 2, 600_000);
      await device.cutPower();
      await device.start(true);
      await waitForServing(device, first);
      expect(await device.answer()).toBe(1);
    }),
  );

  it(
    'is taken back by the watcher when the supervisor is gone',
    withDevice(async device => {
      const {release: first} = await deployAdding(workshop, device, 1);
      await switchTo(device, 2, SOON_MS);
      const {isSupervised} = await device.withMachine(readDeviceTruth);
      expect(isSupervised).toBe(true);
      await device.withMachine(machine =>
        machine.run(['sh', '-c', 'kill -9 $(cat .edgewise/supervisor.pid)']),
      );
      await waitForServing(device, first);
      expect(await device.answer()).toBe(1);
    }),
  );

  it(
    'leaves nothing current when there was nothing before',
    withDevice(async device => {
      // On a busy machine the deadline may be over before the agent has come up.
      await switchTo(device, 2, 2000).catch(() => null);
      for (let waitedMs = 0; (await device.current()) !== null; waitedMs += 50) {
        expect(waitedMs).toBeLessThan(30_000);
        await sleep(50);
      }
      // A later push finds a device to start anew with.
      await deployAdding(workshop, device, 3);
      expect(await device.answer()).toBe(3);
    }),
  );
});

describe.concurrent('a release that answers wrongly', () => {
  it(
    'is taken back, and refused when it comes again',
    withDevice(async device => {
      await deployAdding(workshop, device, 1);
      const golden = [
        {inputs: {x: floats([1, 4], [0, 0, 0, 0])}, outputs: {y: floats([1, 4], [9, 9, 9, 9])}},
      ];
      await expect(deployAdding(workshop, device, 2, {parts: {golden}})).rejects.toMatchObject({
        code: 'release-unhealthy',
      });
      expect(await device.answer()).toBe(1);
      await expect(deployAdding(workshop, device, 2)).rejects.toMatchObject({code: 'release-known-bad'});
      await deployAdding(workshop, device, 2, {options: {takesBad: true}});
      expect(await device.answer()).toBe(2);
    }),
  );
});

describe.concurrent('a confirmation', () => {
  it(
    'is final, may be repeated, and comes too late after the switch was taken back',
    withDevice(async device => {
      await deployAdding(workshop, device, 1);
      const activated = await switchTo(device, 2, 600_000);
      const confirm = () => confirmRelease(work => device.withMachine(work), activated, 3);
      const first = await confirm();
      expect(first).toEqual({release: activated.release, counter: expect.any(Number) as number});
      expect(await confirm()).toEqual(first);
      const again = await switchTo(device, 3, 600_000);
      await device.withMachine(machine =>
        revertRelease(machine, programOf(device), {transaction: again.transaction, reason: 'a test'}),
      );
      await expect(confirmRelease(work => device.withMachine(work), again, 3)).rejects.toMatchObject({
        code: 'confirmation-refused',
      });
      expect(await device.answer()).toBe(2);
    }),
  );

  const deadly: readonly DeviceStep[] = [
    'confirm:claimed',
    'confirm:remembered',
    'confirm:done',
    'prune:release',
    'prune:blobs',
  ];
  it.for(deadly)('is read back from a device whose program died after %s: the push succeeds', step =>
    withDevice(async device => {
      await deployAdding(workshop, device, 0.5, {madeSecond: 0});
      await deployAdding(workshop, device, 1);
      const {release} = await deployAdding(workshop, device, 2, {diesAfter: step, parts: {keepCount: 1}});
      const truth = await device.withMachine(readDeviceTruth);
      expect(truth).toMatchObject({openSwitch: null, ledger: {confirmed: {release}, bad: []}});
      expect(isServing(truth, release)).toBe(true);
      expect(await device.answer()).toBe(2);
    })(),
  );

  it(
    'is asked for again when its program died before it had decided',
    withDevice(async device => {
      await deployAdding(workshop, device, 1);
      const activated = await switchTo(device, 2, 600_000);
      let deaths = 0;
      const dying = (machine: Machine): Machine =>
        runningThrough(machine, (argv, options) => {
          if (!argv.includes('confirm') || deaths === 2) return machine.run(argv, options);
          deaths += 1;
          return machine.run(KILLED);
        });
      await confirmRelease(work => device.withMachine(machine => work(dying(machine))), activated, 3);
      expect(deaths).toBe(2);
      expect(await readOpenSwitch(device)).toBeNull();
      expect(await device.answer()).toBe(2);
    }),
  );

  it(
    'of which nothing came before the deadline is reported as what ended it',
    withDevice(async device => {
      const {release: first} = await deployAdding(workshop, device, 1);
      const activated = await switchTo(device, 2, SOON_MS);
      const dying = (machine: Machine): Machine =>
        runningThrough(machine, (argv, options) =>
          machine.run(argv.includes('confirm') ? KILLED : argv, options),
        );
      const killed = confirmRelease(
        work => device.withMachine(machine => work(dying(machine))),
        activated,
        3,
      );
      await expect(killed).rejects.toMatchObject({code: 'device-command-failed'});
      await waitForServing(device, first);
    }),
  );

  it(
    'does not keep anyone from going back, release by release, to the time before the first',
    withDevice(async device => {
      const {release: first} = await deployAdding(workshop, device, 1);
      const {release: second} = await deployAdding(workshop, device, 2);
      const {release: third} = await deployAdding(workshop, device, 3);
      const goBack = (reason: string) =>
        device.withMachine(machine => rollBackRelease(machine, programOf(device), reason));
      expect(await goBack('a test')).toEqual({reverted: third, current: second});
      expect(await device.answer()).toBe(2);
      expect(await goBack('a test')).toEqual({reverted: second, current: first});
      expect(await device.answer()).toBe(1);
      expect(await goBack('the first')).toEqual({reverted: first, current: null});
      await expectNoRelease(device);
      const {ledger} = await device.withMachine(readDeviceTruth);
      expect(ledger).toMatchObject({
        confirmed: null,
        bad: [third, second, first].map(release => ({release, kind: 'unhealthy'})),
      });
      await expect(goBack('again')).rejects.toMatchObject({code: 'nothing-to-go-back-to'});
      await deployAdding(workshop, device, 4);
      expect(await device.answer()).toBe(4);
    }),
  );

  it(
    'of a first release can be gone back from by a device that loses its power in the midst of it',
    withDevice(async device => {
      const {release} = await deployAdding(workshop, device, 1);
      const dying = device.withMachine(
        machine => rollBackRelease(machine, programOf(device), 'a test'),
        'revert:current',
      );
      await expect(dying).rejects.toMatchObject({code: 'rollback-failed'});
      await device.cutPower();
      await device.start(true);
      for (let waitedMs = 0; (await readOpenSwitch(device)) !== null; waitedMs += 100) {
        expect(waitedMs).toBeLessThan(60_000);
        await sleep(100);
      }
      await expectNoRelease(device);
      const {ledger} = await device.withMachine(readDeviceTruth);
      expect(ledger?.bad).toEqual([{release, kind: 'unhealthy', reason: 'a test'}]);
    }),
  );

  it(
    'of a first release can be gone back from when its agent has lost its supervisor',
    withDevice(async device => {
      await deployAdding(workshop, device, 1);
      await device.withMachine(machine =>
        machine.run(['sh', '-c', 'kill -9 $(cat .edgewise/supervisor.pid)']),
      );
      await device.withMachine(machine => rollBackRelease(machine, programOf(device), 'a test'));
      await expectNoRelease(device);
    }),
  );
});

async function readOpenSwitch(of: TestDevice) {
  return (await of.withMachine(readDeviceTruth)).openSwitch;
}

/** As before the first push: nothing is current, nobody answers, nothing runs. */
async function expectNoRelease(of: TestDevice): Promise<void> {
  expect(await of.current()).toBeNull();
  expect(await of.withMachine(readDeviceTruth)).toMatchObject({
    currentRelease: null,
    previousRelease: null,
    isSupervised: false,
    isAgentAlive: false,
    openSwitch: null,
  });
  await expect(of.answer()).rejects.toThrow();
  // A watcher naps between two looks.
  for (let waitedMs = 0; (await processesOf(of.root)).length > 0; waitedMs += 50) {
    expect(waitedMs).toBeLessThan(10_000);
    await sleep(50);
  }
}

describe.concurrent('a controller that was overtaken', () => {
  it(
    'cannot switch, whatever it holds',
    withDevice(async device => {
      await deployAdding(workshop, device, 1);
      const composed = await composeAdding(workshop, 2, {port: device.port, madeSecond: 2});
      const frozen = device.withMachine(machine =>
        withDeviceLock(
          machine,
          async lock => {
            const truth = await readDeviceTruth(machine);
            const signed = await signRelease(workshop.store, composed, truth, workshop.key, {
              allowsDowngrade: false,
            });
            const staged = await stageRelease(machine, lock, truth, workshop, signed, {}, ignoreEvents);
            // As if this process had been stopped past its lease: another one takes over and finishes.
            await machine.run([
              'sh',
              '-c',
              'for f in .edgewise/locks/[0-9]*; do echo "dead 0 boot" >"$f"; done',
            ]);
            await deployAdding(workshop, device, 3);
            return activateRelease(machine, lock, staged);
          },
          {leaseSeconds: 600},
        ),
      );
      await expect(frozen).rejects.toMatchObject({code: 'lock-lost', exitCode: 14});
      expect(await device.answer()).toBe(3);
    }),
  );
});
