import type {Link, MeasuredMs, ModelTimes, Profile} from '../documents/profile.ts';

/** What the runtime's measuring prints, on a device and in the cloud alike. */
export interface MeasuredModel {
  readonly runtime: Pick<Profile['runtime'], 'onnxruntime' | 'node'>;
  readonly threads: number;
  readonly wholeRun: MeasuredMs;
  readonly layers: readonly Readonly<ModelTimes['layers'][number]>[];
  readonly requestOverhead: MeasuredMs;
  readonly sessionOverhead: MeasuredMs;
  readonly sustained?: NonNullable<ModelTimes['sustained']> | null;
}

export interface MeasuredDevice extends MeasuredModel {
  readonly links: readonly Link[];
}

export function modelTimesFrom(build: string, measured: MeasuredModel): ModelTimes {
  const {threads, wholeRun, layers, requestOverhead, sessionOverhead, sustained} = measured;
  return {
    build,
    threads,
    wholeRun,
    layers: [...layers],
    requestOverhead,
    sessionOverhead,
    ...(sustained ? {sustained} : {}),
  };
}
