import type {NamedTensors} from '../../documents/tensor.ts';
import type {Session} from '../../engine/session.ts';
import {readProcessorState, type ProcessorState} from './processorState.ts';
import {sustainedSpeedFrom, type SustainedSpeed, type TimedRun} from './sustainedSpeed.ts';

export interface MeasuredSustained extends SustainedSpeed {
  /** What the machine says of itself at the beginning and the end; left out where it says nothing. */
  readonly celsius?: {readonly start: number; readonly end: number};
  readonly megahertz?: {readonly start: number; readonly end: number};
}

/** Runs the model without a pause for so long, as a device under load does; one that gets hot slows itself down. */
export async function measureSustained(
  session: Session,
  feeds: NamedTensors,
  {seconds, pausedMs}: {readonly seconds: number; readonly pausedMs: number},
): Promise<MeasuredSustained | null> {
  const runs: TimedRun[] = [];
  const start = readProcessorState();
  const startedMs = performance.now();
  const atMs = (): number => performance.now() - startedMs;
  while (atMs() < seconds * 1000) {
    const {computeMs} = await session.run(feeds);
    runs.push({atMs: atMs(), tookMs: computeMs});
  }
  const speed = sustainedSpeedFrom(runs, pausedMs);
  if (speed === null) return null;
  const end = readProcessorState();
  return {...speed, ...changeOf('celsius', start, end), ...changeOf('megahertz', start, end)};
}

function changeOf<K extends keyof ProcessorState>(
  what: K,
  start: ProcessorState,
  end: ProcessorState,
): {[key in K]?: {readonly start: number; readonly end: number}} {
  const [first, last] = [start[what], end[what]];
  if (first === null || last === null) return {};
  return {[what]: {start: first, end: last}} as {[key in K]: {start: number; end: number}};
}
