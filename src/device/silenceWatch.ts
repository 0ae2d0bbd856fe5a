import type {Duplex} from 'node:stream';

/**
 * Tells when a peer that is asked every `intervalMs` has said nothing at all for `misses` intervals more than one. What it says
 * of anything counts: an answer to a keep-alive waits behind what is queued, and on a slow link that is minutes.
 * Counted in ticks, not in time: a controller that slept must not take its peers for dead.
 */
export function watchSilence(
  stream: Duplex,
  {intervalMs, misses}: {readonly intervalMs: number; readonly misses: number},
  onSilence: () => void,
): void {
  let silentIntervals = 0;
  stream.on('data', () => (silentIntervals = 0));
  const timer = setInterval(() => {
    silentIntervals += 1;
    if (silentIntervals <= misses) return;
    clearInterval(timer);
    onSilence();
  }, intervalMs);
  stream.once('close', () => clearInterval(timer));
}
