import type {InferAnswer} from '../client.ts';
import type {Timings} from '../protocol/serverTiming.ts';

/** Where a request's time went, for its Server-Timing. */
export interface TierTimes {
  /** A native run here. */
  addRun(ms: number): void;
  addCall(tier: string, answer: Pick<InferAnswer, 'wallMs' | 'serverTiming'>): void;
  /** The answer is this machine's alone, because another one gave none. */
  noteFallback(): void;
  list(): Timings;
}

/** `cloud`, and links such as `gateway-cloud`. */
const PART_OF_OTHERS = /^(gateway|cloud)$|^[a-z]+-[a-z]+$/;

/**
 * On a device: `head` is what ran on it, `tail` what ran elsewhere, `link` the rest of its calls; where a gateway is among
 * them, also each tier and each link by name, as in `gateway` and `device-gateway`; `fallback` where it had to answer alone. On a gateway: `compute`, and the others by name.
 */
export function startTierTimes(own: 'device' | 'gateway'): TierTimes {
  let runMs = 0;
  let isFallback = false;
  const others = new Map<string, number>();
  const add = (name: string, ms: number): void => void others.set(name, (others.get(name) ?? 0) + ms);
  return {
    addRun(ms) {
      runMs += ms;
    },
    addCall(tier, {wallMs, serverTiming}) {
      const parts = [...serverTiming].filter(([name]) => PART_OF_OTHERS.test(name));
      const reported = [[tier, serverTiming.get('compute') ?? 0] as const, ...parts];
      let leftMs = wallMs;
      for (const [name, ms] of reported) {
        // Clocks and words of others: never more than the call took.
        const credited = Math.min(ms, leftMs);
        add(name, credited);
        leftMs -= credited;
      }
      add(`${own}-${tier}`, leftMs);
    },
    noteFallback() {
      isFallback = true;
    },
    list() {
      if (own === 'gateway') return [['compute', runMs], ...others];
      const sum = (isLink: boolean): number =>
        [...others].reduce((total, [name, ms]) => total + (name.includes('-') === isLink ? ms : 0), 0);
      const totals = [
        ['head', runMs],
        ['link', sum(true)],
        ['tail', sum(false)],
      ] as const;
      const parts = others.has('gateway') || others.has('device-gateway') ? [...totals, ...others] : totals;
      return isFallback ? [...parts, ['fallback', runMs]] : parts;
    },
  };
}
