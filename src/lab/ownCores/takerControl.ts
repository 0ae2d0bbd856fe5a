export interface CoreTakerSettings {
  readonly slowdown: number;
  /** The device's own, on which nothing else is to run. */
  readonly deviceCores: readonly number[];
}

/** Words of the memory that the threads of one core share. */
export const CONTROL = {
  isClosing: 0,
  /** Never written: what a sleep waits for. */
  never: 1,
  /** How long the core had nothing to do so far, in nanoseconds; wraps round. */
  idleNs: 2,
  end: 3,
} as const;

export function createControl(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL.end * Int32Array.BYTES_PER_ELEMENT);
}
