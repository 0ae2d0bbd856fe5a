import type {Plan} from '../../src/documents/plan.ts';
import {median} from '../../src/engine/profileTrace.ts';
import {COMMON_ERROR, DEVIATIONS_OF_90_PERCENT} from '../../src/placement/predictionInterval.ts';

interface MeasuredRequests {
  readonly requests: number;
  /** Median. */
  readonly totalMs: number;
  readonly p95Ms: number;
}

/** One cut of one cell of the grid; `measured` is `null` where it was not worth the time. */
export interface MeasuredCut {
  readonly model: string;
  readonly slowdown: number;
  readonly linkMbitPerSecond: number;
  /** `null` for the chosen plan, which need not be a cut at a chain position. */
  readonly deviceLayers: number | null;
  readonly layers: number;
  readonly isChosen: boolean;
  readonly placement: 'device-only' | 'cloud-only' | 'split';
  /** From the profile that all cuts of the cell share. */
  readonly firstPredictedMs: number;
  /** From the profile right before the cut was measured. */
  readonly predicted: Plan['predicted'];
  /** What plans had then. */
  readonly commonError: number;
  readonly measured: MeasuredRequests | null;
}

type Run = MeasuredCut & {readonly measured: MeasuredRequests};

/** The bars of the planner's predictions. */
const BARS = {
  runs: 60,
  medianError: 0.03,
  error95: 0.1,
  coverage: [0.85, 0.95],
  regret: 0.02,
  shareWithinRegret: 0.95,
} as const;

export function summarize(
  rows: readonly MeasuredCut[],
  links: readonly number[],
): {readonly text: string; readonly isMissed: boolean} {
  const runs = rows.filter((row): row is Run => row.measured !== null);
  if (runs.length === 0) return {text: 'Nothing is measured yet.', isMissed: false};
  const lines: string[] = [];
  let isMissed = false;
  const judge = (what: string, value: string, bar: string, isMet: boolean): void => {
    lines.push(`${isMet ? 'met   ' : 'MISSED'} ${what}: ${value} (bar ${bar})`);
    isMissed ||= !isMet;
  };
  const errors = runs.map(({predicted, measured}) => predicted.latencyMs / measured.totalMs - 1);
  const sizes = errors.map(Math.abs).sort((left, right) => left - right);
  const within10 = sizes.filter(size => size <= BARS.error95).length / sizes.length;
  const covered = runs.filter(run => {
    const {predicted, measured} = run;
    const deviation = Math.hypot(scatterOf(run), COMMON_ERROR * predicted.latencyMs);
    return Math.abs(measured.totalMs - predicted.latencyMs) <= DEVIATIONS_OF_90_PERCENT * deviation;
  });
  const coverage = covered.length / runs.length;
  judge('runs', String(runs.length), `at least ${BARS.runs}`, runs.length >= BARS.runs);
  judge('median error', percent(median(sizes)), 'at most 3 %', median(sizes) <= BARS.medianError);
  judge('within 10 %', percent(within10), 'at least 95 %', within10 >= 0.95);
  judge(
    'inside the 90 % interval',
    percent(coverage),
    '85 to 95 %',
    coverage >= BARS.coverage[0] && coverage <= BARS.coverage[1],
  );
  lines.push(
    `       nine of ten would be covered with a common error of ${percent(commonErrorFor(runs))}; plans have ${percent(COMMON_ERROR)}`,
  );
  const regrets = regretsOf(runs);
  const isFine = ({share}: {share: number}) => share <= BARS.regret;
  const fineShare = regrets.filter(isFine).length / Math.max(1, regrets.length);
  judge(
    'chosen within 2 % of the best measured cut',
    `${percent(fineShare)} of ${regrets.length}`,
    'at least 95 %',
    fineShare >= BARS.shareWithinRegret,
  );
  for (const {cell, share, best} of regrets.filter(regret => !isFine(regret)))
    lines.push(`       ${cell}: ${best} is ${percent(share)} faster`);
  const signed = [...errors].sort((left, right) => left - right);
  const at = (share: number) => percent(signed[Math.floor((signed.length - 1) * share)] ?? NaN);
  lines.push(
    '',
    `errors (negative: predicted too fast): least ${at(0)}, 5 % ${at(0.05)}, middle ${at(0.5)}, 95 % ${at(0.95)}, most ${at(1)}`,
  );
  for (const placement of ['device-only', 'cloud-only', 'split'] as const) {
    const some = runs.flatMap((row, index) => (row.placement === placement ? [errors[index] ?? 0] : []));
    if (some.length > 0)
      lines.push(
        `  ${placement}: median of ${some.length} ${percent(median(some))}, of their sizes ${percent(median(some.map(Math.abs)))}`,
      );
  }
  lines.push('', ...speedUpLines(rows, links));
  return {text: lines.join('\n'), isMissed};
}

/**
 * The common error that would have the intervals cover nine of ten runs: each run asks for what its own scatter, which is in
 * its interval already, leaves of its error.
 */
function commonErrorFor(runs: readonly Run[]): number {
  const needed = runs
    .map(run => {
      const {latencyMs} = run.predicted;
      const wanted = Math.abs(run.measured.totalMs - latencyMs) / DEVIATIONS_OF_90_PERCENT;
      return Math.sqrt(Math.max(0, wanted ** 2 - scatterOf(run) ** 2)) / latencyMs;
    })
    .sort((left, right) => left - right);
  return needed[Math.ceil(needed.length * 0.9) - 1] ?? NaN;
}

/** The standard deviation that its own measurements say, in ms: what its interval has without the common error. */
function scatterOf({predicted: {interval90, latencyMs}, commonError}: Run): number {
  const deviation = ((interval90?.highMs ?? latencyMs) - latencyMs) / DEVIATIONS_OF_90_PERCENT;
  return Math.sqrt(Math.max(0, deviation ** 2 - (commonError * latencyMs) ** 2));
}

/**
 * How much faster than the chosen plan the best measured cut of the same cell was. The cuts are measured one after the other, and
 * the machine changes its speed meanwhile: each counts as it would have taken when the cell's first profile was made.
 */
function regretsOf(
  runs: readonly Run[],
): {readonly cell: string; readonly share: number; readonly best: string}[] {
  const cells = groupByCell(runs);
  return [...cells].flatMap(([cell, some]) => {
    const chosen = some.find(({isChosen}) => isChosen);
    const [best] = some.toSorted((left, right) => msAtFirst(left) - msAtFirst(right));
    if (chosen === undefined || best === undefined) return [];
    const share = msAtFirst(chosen) / msAtFirst(best) - 1;
    return [{cell, share, best: `${best.deviceLayers ?? 'the chosen one'} of ${best.layers} layers`}];
  });
}

function msAtFirst({measured, predicted, firstPredictedMs}: Run): number {
  return (measured.totalMs * firstPredictedMs) / predicted.latencyMs;
}

function groupByCell<T extends MeasuredCut>(rows: readonly T[]): Map<string, T[]> {
  const cells = new Map<string, T[]>();
  for (const row of rows) cells.set(cellOf(row), [...(cells.get(cellOf(row)) ?? []), row]);
  return cells;
}

function cellOf({model, slowdown, linkMbitPerSecond}: MeasuredCut): string {
  return `${model}, ${slowdown} times slower, ${linkMbitPerSecond} Mbit/s`;
}

/** As measured; by prediction where a cut was too slow to be worth it. */
function speedUpLines(rows: readonly MeasuredCut[], links: readonly number[]): string[] {
  const lines = ['chosen plan against      device-only  cloud-only'];
  const msOf = ({measured, predicted}: MeasuredCut) => measured?.totalMs ?? predicted.latencyMs;
  for (const link of links) {
    const gains: {device: number; cloud: number}[] = [];
    for (const [cell, some] of groupByCell(rows.filter(row => row.linkMbitPerSecond === link))) {
      const chosen = some.find(({isChosen}) => isChosen);
      const device = some.find(({placement}) => placement === 'device-only');
      const cloud = some.find(({placement}) => placement === 'cloud-only');
      if (chosen === undefined || device === undefined || cloud === undefined) continue;
      const gain = {device: msOf(device) / msOf(chosen), cloud: msOf(cloud) / msOf(chosen)};
      gains.push(gain);
      lines.push(`  ${cell.padEnd(42)} ${gain.device.toFixed(2)} × ${gain.cloud.toFixed(2).padStart(8)} ×`);
    }
    if (gains.length > 0)
      lines.push(
        `  geometric mean at ${link} Mbit/s`.padEnd(44) +
          ` ${geometricMean(gains.map(({device}) => device)).toFixed(2)} × ${geometricMean(
            gains.map(({cloud}) => cloud),
          )
            .toFixed(2)
            .padStart(8)} ×`,
      );
  }
  return lines;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
