import type {ModelTimes} from './profile.ts';

type Sustained = NonNullable<ModelTimes['sustained']>;

/** Smaller differences are noise; a board that throttles loses a quarter and more. */
const LEAST_SLOWDOWN = 1.1;

export function slowsDown({slowdown}: Pick<Sustained, 'slowdown'>): boolean {
  return slowdown >= LEAST_SLOWDOWN;
}

/** What to multiply a machine's layer times by, so that they hold under load as well. */
export function sustainedFactor({sustained}: ModelTimes): number {
  return sustained !== undefined && slowsDown(sustained) ? sustained.slowdown : 1;
}
