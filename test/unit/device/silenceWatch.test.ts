import {PassThrough} from 'node:stream';
import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {watchSilence} from '../../../src/device/silenceWatch.ts';

const INTERVAL_MS = 1000;

let stream: PassThrough;
let onSilence: ReturnType<typeof vi.fn<() => void>>;

beforeEach(() => {
  vi.useFakeTimers({toFake: ['setInterval', 'clearInterval']});
  stream = new PassThrough();
  onSilence = vi.fn<() => void>();
  watchSilence(stream, {intervalMs: INTERVAL_MS, misses: 3}, onSilence);
});
afterEach(() => {
  stream.destroy();
  vi.useRealTimers();
});

it('tells once, one interval after the last that may be missed', () => {
  vi.advanceTimersByTime(3 * INTERVAL_MS);
  expect(onSilence).not.toHaveBeenCalled();
  vi.advanceTimersByTime(10 * INTERVAL_MS);
  expect(onSilence).toHaveBeenCalledOnce();
});

it('begins anew with whatever the peer says', async () => {
  for (let round = 0; round < 5; round += 1) {
    vi.advanceTimersByTime(3 * INTERVAL_MS);
    stream.write('window adjusted');
    await new Promise(resolve => setImmediate(resolve));
  }
  expect(onSilence).not.toHaveBeenCalled();
  vi.advanceTimersByTime(4 * INTERVAL_MS);
  expect(onSilence).toHaveBeenCalledOnce();
});

it('ends with the stream', async () => {
  stream.destroy();
  await new Promise(resolve => setImmediate(resolve));
  vi.advanceTimersByTime(10 * INTERVAL_MS);
  expect(onSilence).not.toHaveBeenCalled();
});
