import {bucketOfLatency, type ReleaseStatistics} from '../../src/documents/agentStatistics.ts';
import type {DeviceObservation} from '../../src/rollout/observation.ts';

/** How the new release behaves on one device. */
export interface Behaviour {
  /** Does not come up: its health check fails. */
  readonly isBad?: boolean;
  /** Dies so long after it was confirmed. */
  readonly crashesAfterMs?: number;
  /** As a multiple of the old release's latency. */
  readonly slowness?: number;
  readonly errorRate?: number;
  /** Its agent tells no measurements. */
  readonly isSilent?: boolean;
  readonly isOffline?: boolean;
  /** Cannot be taken back. */
  readonly isStuck?: boolean;
}

const OLD_MS = 10;

/** What one device's agent has counted of the new release, which serves since `confirmedAtMs`. */
export function openCounter(
  device: string,
  {crashesAfterMs, slowness = 1, errorRate = 0, isSilent = false}: Behaviour,
  random: () => number,
): {observe(requests: number, nowMs: number, confirmedAtMs: number): DeviceObservation} {
  const counted = {requests: 0, errors: 0, latency: {} as Record<string, number>};
  const statistics = (
    release: string,
    servingMs: number,
    more: Partial<ReleaseStatistics>,
  ): ReleaseStatistics => ({
    release,
    requests: 200,
    errors: 0,
    latency: {[String(bucketOfLatency(OLD_MS))]: 200},
    classes: null,
    residentBytes: 5e7,
    servingMs,
    restarts: 0,
    throttled: null,
    ...more,
  });
  return {
    observe(requests, nowMs, confirmedAtMs) {
      for (let request = 0; request < requests; request++) {
        counted.requests++;
        if (random() < errorRate) counted.errors++;
        const bucket = String(bucketOfLatency(OLD_MS * slowness * (0.95 + 0.1 * random())));
        counted.latency[bucket] = (counted.latency[bucket] ?? 0) + 1;
      }
      const servingMs = nowMs - confirmedAtMs;
      const hasCrashed = crashesAfterMs !== undefined && servingMs >= crashesAfterMs;
      return {
        device,
        atMs: nowMs,
        isServing: !hasCrashed,
        statistics: isSilent
          ? null
          : {
              current: statistics('new', servingMs, {...counted, latency: {...counted.latency}}),
              previous: statistics('old', 3.6e6, {}),
            },
        predictedMs: OLD_MS,
      };
    },
  };
}
