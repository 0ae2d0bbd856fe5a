import {execFileSync, spawn} from 'node:child_process';
import {readdirSync, readFileSync} from 'node:fs';
import {describe, expect, it, onTestFinished, vi} from 'vitest';
import {chooseCores, findProgram, pinningPrefix, readAllowedCores} from '../../src/lab/corePinning.ts';
import {requireOwnCores, startCoreTaker} from '../../src/lab/ownCores/coreTaker.ts';
import {compareBursts, mean, startBurstProcess, unitsPerMs} from './labBursts.ts';

const canTake =
  process.getuid?.() === 0 &&
  findProgram('chrt') !== null &&
  findProgram('taskset') !== null &&
  readAllowedCores().length > 1;
const deviceCores = chooseCores(1, 0);

// From outside, on a machine that may do other things: the bounds are those of a loop that counts right.
const LEAST = 0.65;
const MOST = 1.5;

describe.skipIf(!canTake)('a device whose core is taken', {retry: 3}, () => {
  for (const [slowdown, lengthMs, perBlock] of [
    [4, 2, 20],
    [10, 10, 6],
  ] as const) {
    it(`is ${slowdown} times slower, bursts of ${lengthMs} ms`, async () => {
      const burst = await startBurstProcess({commandPrefix: pinningPrefix(deviceCores)});
      onTestFinished(() => burst.stop());
      const units = Math.round((await unitsPerMs(burst)) * lengthMs);
      const {fullSpeedMs, slowedMs} = await compareBursts(burst, units, {blocks: 3, perBlock}, () =>
        startCoreTaker({slowdown, deviceCores}),
      );
      const ratio = mean(slowedMs) / mean(fullSpeedMs) / slowdown;
      expect(ratio).toBeGreaterThan(LEAST);
      expect(ratio).toBeLessThan(MOST);
    });
  }
});

it.skipIf(!canTake)('says so when it ends by itself, and leaves no thread behind', async () => {
  const onCrash = vi.fn();
  const taker = await startCoreTaker({slowdown: 4, deviceCores}, onCrash);
  const threads = readdirSync(`/proc/${taker.pid}/task`).map(
    thread => readFileSync(`/proc/${taker.pid}/task/${thread}/stat`, 'latin1').split(') ')[1]?.split(' ')[38],
  );
  // Field 41 of stat is the policy: 1 is SCHED_FIFO, 5 SCHED_IDLE.
  expect(threads).toContain('1');
  expect(threads).toContain('5');
  process.kill(taker.pid, 'SIGKILL');
  await vi.waitFor(() => expect(onCrash).toHaveBeenCalledOnce(), 10_000);
  await taker.close();
  expect(() => readdirSync(`/proc/${taker.pid}`)).toThrow();
});

it.skipIf(!canTake)('ends with the lab that started it', async () => {
  const script = `import {startCoreTaker} from ${JSON.stringify(new URL('../../src/lab/ownCores/coreTaker.ts', import.meta.url).href)};
    console.log((await startCoreTaker({slowdown: 2, deviceCores: ${JSON.stringify(deviceCores)}})).pid);
    setInterval(() => {}, 1000);`;
  const lab = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number(await new Promise(resolve => lab.stdout.once('data', resolve)));
  expect(execFileSync('ps', ['-o', 'pid=', '-p', String(pid)], {encoding: 'utf8'}).trim()).toBe(String(pid));
  lab.kill('SIGKILL');
  await vi.waitFor(() => expect(() => readdirSync(`/proc/${pid}`)).toThrow(), 10_000);
});

it.skipIf(!canTake)('two labs cannot take the same core, and the first goes on', async () => {
  const first = await startCoreTaker({slowdown: 4, deviceCores});
  onTestFinished(() => first.close());
  await expect(startCoreTaker({slowdown: 2, deviceCores})).rejects.toMatchObject({
    code: 'lab-cores-unavailable',
    message: `Core ${deviceCores[0]} is a device's in another lab that takes its devices' cores.`,
  });
  expect(readdirSync(`/proc/${first.pid}/task`).length).toBeGreaterThan(1);
  await first.close();
  await (await startCoreTaker({slowdown: 2, deviceCores})).close();
});

it('is refused, in one sentence, where cores cannot be taken', () => {
  const refused = expect.objectContaining({code: 'lab-cores-unavailable', exitCode: 13}) as Error;
  expect(() => requireOwnCores(2, [0, 1])).toThrow(refused);
  expect(() => requireOwnCores(1, [3])).toThrow(refused);
  vi.spyOn(process, 'getuid').mockReturnValue(1000);
  expect(() => requireOwnCores(1, [0, 1])).toThrow('Only root may take cores away in real time.');
});
