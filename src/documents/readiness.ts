/** What `edgewise doctor` found: one row per thing that was looked at. */
export interface Readiness {
  readonly checks: readonly ReadinessCheck[];
  /** No check says `not-ready`. */
  readonly isReady: boolean;
}

export interface ReadinessCheck {
  /** This machine, a device's name or a cloud's. */
  readonly subject: string;
  readonly what: ReadinessSubject;
  readonly verdict: 'ready' | 'warning' | 'not-ready';
  readonly detail: string;
  readonly hint: string | null;
}

export type ReadinessSubject =
  | 'node'
  | 'onnxruntime'
  | 'runtime-files'
  | 'project'
  | 'cloud'
  | 'connection'
  | 'architecture'
  | 'libc'
  | 'disk'
  | 'sha256'
  | 'clock'
  | 'runtime'
  | 'release';
