import type {GateResult} from '../../documents/rollout.ts';

const FALSE_ALARM = 0.001;

export interface DeviceClasses {
  readonly device: string;
  readonly now: Readonly<Record<string, number>>;
  /** What the release before answered on the same device. */
  readonly before: Readonly<Record<string, number>>;
}

/**
 * Whether answers moved to other classes: total variation distance between what devices answer now and what they answered
 * before, less what chance alone may make of so few answers (its mean, and McDiarmid's bound on straying from it).
 * @see C. McDiarmid, On the method of bounded differences, 1989
 */
export function judgeOutputShift(
  devices: readonly DeviceClasses[],
  allowed: number,
  minSamples: number,
): GateResult | null {
  const now = sumOf(devices.map(each => each.now));
  const before = sumOf(devices.map(each => each.before));
  const samples = totalOf(now);
  const reference = totalOf(before);
  if (samples < minSamples || reference < minSamples) return null;
  const classes = new Set([...Object.keys(now), ...Object.keys(before)]);
  const distance =
    [...classes].reduce(
      (sum, name) => sum + Math.abs((now[name] ?? 0) / samples - (before[name] ?? 0) / reference),
      0,
    ) / 2;
  const spread = 1 / samples + 1 / reference;
  const byChance =
    Math.sqrt((classes.size * spread) / 4) + Math.sqrt((Math.log(1 / FALSE_ALARM) * spread) / 2);
  const percent = (value: number) => `${(value * 100).toFixed(0)} %`;
  return {
    gate: 'output-shift',
    verdict: distance - byChance > allowed ? 'fail' : 'pass',
    reason: `${percent(distance)} of the answers moved to other classes, ${percent(byChance)} may by chance; ${percent(allowed)} are allowed`,
  };
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const each of counts)
    for (const [name, count] of Object.entries(each)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
