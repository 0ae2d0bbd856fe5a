/** What `edgewise gc` found that nothing needs, and took away unless asked only to look. */
export interface Garbage {
  readonly isDryRun: boolean;
  /** In the project's own store and cache. */
  readonly here: {readonly files: number; readonly bytes: number};
  readonly devices: readonly DeviceGarbage[];
}

export interface DeviceGarbage {
  readonly device: string;
  readonly releases: readonly string[];
  readonly runtimes: readonly string[];
  readonly blobs: number;
  readonly bytes: number;
  /** Why the device could not be looked at. */
  readonly problem: {readonly code: string; readonly message: string} | null;
}
