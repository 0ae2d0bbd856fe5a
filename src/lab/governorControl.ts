export interface GovernorSettings {
  /** `NAME=value` in the environment of every process of the device. */
  readonly marker: string;
  readonly slowdown: number;
  readonly cores: number;
  /** Where its processes run; the governor keeps off these cores. Empty or left out: anywhere. */
  readonly deviceCores?: readonly number[];
  /** Whether the device keeps its speed while this machine's own wanders. */
  readonly keepsPace?: boolean;
}

/** Words of the memory that the governor's loop shares with the thread that watches over it. */
export const CONTROL = {
  isClosing: 0,
  /** Counted up and notified to end a sleep early. */
  wakeCount: 1,
  never: 2,
  /** 1 while the device's cores are to be kept from falling idle; notified when it becomes so, and at the end. */
  isWarming: 3,
  /** Pids of processes just started, put here by the watcher and taken out by the loop; 0 is free. */
  announcedPids: 4,
  /** Pids that may be stopped at this moment, for whoever has to continue them after a crash. */
  stoppedPids: 68,
  /** How long the core's walk takes (corePace.ts) in nanoseconds, for each of the first cores; 0: not known. */
  paceNs: 1092,
  end: 1156,
} as const;
