export interface CoreTakerSettings {
  readonly slowdown: number;
  /** The device's own, on which nothing else is to run. */
  readonly deviceCores: readonly number[];
}

/** The one line that the process which takes them says. */
export type TakerReport =
  | {readonly event: 'taking'; readonly pid: number}
  | {readonly event: 'held-by-another'; readonly core: number};

/** Words of the memory that the threads of one core share. */
export const CONTROL = {
  isClosing: 0,
  /** Never written: what a sleep waits for. */
  never: 1,
  /** How long the core had nothing to do so far, in nanoseconds; wraps round. */
  idleNs: 2,
  end: 3,
} as const;
