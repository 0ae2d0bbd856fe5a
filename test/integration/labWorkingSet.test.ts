import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {spawn, type ChildProcess} from 'node:child_process';
import {WorkingSet} from '../../src/lab/workingSet.ts';

const MIB = 2 ** 20;
let child: ChildProcess | null;

beforeEach(() => {
  child = null;
});
afterEach(() => {
  child?.kill('SIGKILL');
});

/** Goes through so much memory again and again; its answer says that it does. */
async function startWalker(mebibytes: number): Promise<number> {
  const script = `const memory = new Uint8Array(${mebibytes * MIB}).fill(1); console.log('ready');
    for (let sum = 0; ; ) for (let at = 0; at < memory.length; at += 64) sum += memory[at];`;
  const walker = spawn(process.execPath, ['-e', script], {stdio: ['ignore', 'pipe', 'ignore']});
  child = walker;
  await new Promise(resolve => walker.stdout.once('data', resolve));
  return walker.pid ?? 0;
}

/** The same calls as the governor's, without its stops, over a slice that is long enough for all of the memory. */
async function sampleOnce(workingSet: WorkingSet, sliceMs: number): Promise<void> {
  workingSet.look(sliceMs);
  await new Promise(resolve => setTimeout(resolve, 100));
  workingSet.look(sliceMs);
}

it('sees the memory that a process goes through, not all that it has', async () => {
  const bytes: number[] = [];
  for (const mebibytes of [0.05, 16]) {
    const workingSet = new WorkingSet(await startWalker(mebibytes));
    await vi.waitFor(async () => {
      await sampleOnce(workingSet, 1);
      expect(workingSet.bytesWithin(1)).toBeGreaterThan(0);
    });
    bytes.push(workingSet.bytesWithin(1));
    child?.kill('SIGKILL');
  }
  const [small = 0, large = 0] = bytes;
  expect(large).toBeGreaterThan(15 * MIB);
  expect(large).toBeLessThan(40 * MIB);
  expect(small).toBeLessThan(large - 10 * MIB);
});

it('takes what it knows of brief slices for long ones until it has seen such', async () => {
  const workingSet = new WorkingSet(await startWalker(16));
  expect(workingSet.bytesWithin(10)).toBe(0);
  await sampleOnce(workingSet, 1);
  expect(workingSet.bytesWithin(10)).toBe(workingSet.bytesWithin(1));
});

it('knows nothing of a process that has ended', () => {
  const workingSet = new WorkingSet(2 ** 22 + 1);
  workingSet.look(1);
  workingSet.look(1);
  expect(workingSet.bytesWithin(1)).toBe(0);
});
