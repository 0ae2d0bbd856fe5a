/** One kernel of one profiled run. Times in microseconds since the profile began. */
export interface KernelEvent {
  readonly key: string;
  readonly name: string;
  readonly operator: string;
  readonly startUs: number;
  readonly durationUs: number;
}

interface TraceEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, string>>;
}

const KERNEL_SUFFIX = '_kernel_time';
/** Operators that run a graph of their own: its kernels are inside theirs in time, and must not be counted twice. */
const CONTROL_FLOW = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);

/**
 * Sorts the lines of a Chrome trace written by ONNX Runtime (one event a line) into runs: kernels by the `model_run`
 * window that they started in, in the order of the runs. Kernels outside every window are left out.
 */
export function runsFromTraceLines(lines: Iterable<string>): KernelEvent[][] {
  const windows: {startUs: number; endUs: number}[] = [];
  const kernels: KernelEvent[] = [];
  for (const line of lines) {
    const event = eventFromLine(line);
    if (event?.ts === undefined || event.dur === undefined || event.name === undefined) continue;
    if (event.cat === 'Session' && event.name === 'model_run') {
      windows.push({startUs: event.ts, endUs: event.ts + event.dur});
    } else if (event.cat === 'Node' && event.name.endsWith(KERNEL_SUFFIX)) {
      const name = event.name.slice(0, -KERNEL_SUFFIX.length);
      const operator = event.args?.['op_name'] ?? '';
      // A name is not an identity: two nodes may share it.
      const key = `${event.args?.['node_index'] ?? ''} ${name}`;
      kernels.push({key, name, operator, startUs: event.ts, durationUs: event.dur});
    }
  }
  windows.sort((a, b) => a.startUs - b.startUs);
  kernels.sort((a, b) => a.startUs - b.startUs);
  const outermost = withoutNested(kernels);
  const runs: KernelEvent[][] = windows.map(() => []);
  let current = 0;
  for (const kernel of outermost) {
    while (current < windows.length && windows[current]!.endUs < kernel.startUs) current++;
    const window = windows[current];
    if (window !== undefined && kernel.startUs >= window.startUs) runs[current]!.push(kernel);
  }
  return runs;
}

/** Runs this many spreads slower than the median were disturbed by something else. */
const DISTURBED_SPREADS = 3;

/**
 * Each layer's mean kernel time over the undisturbed runs. Means, because where the processor is rationed a short kernel
 * is either stopped for long or not at all, and only the mean gives it its share; whole runs are left out rather than
 * kernels, so that the shares stay true to each other.
 */
export function layerMeansFromRuns(
  runs: readonly (readonly KernelEvent[])[],
): {name: string; operator: string; ms: number}[] {
  const sums = new Map<string, {name: string; operator: string; totalUs: number; count: number}>();
  for (const run of undisturbedRuns(runs)) {
    for (const {key, name, operator, durationUs} of run) {
      const sum = sums.get(key) ?? {name, operator, totalUs: 0, count: 0};
      sum.totalUs += durationUs;
      sum.count++;
      sums.set(key, sum);
    }
  }
  return [...sums.values()].map(({name, operator, totalUs, count}) => ({
    name,
    operator,
    ms: totalUs / count / 1000,
  }));
}

function undisturbedRuns(runs: readonly (readonly KernelEvent[])[]): readonly (readonly KernelEvent[])[] {
  const totals = runs.map(run => run.reduce((sum, {durationUs}) => sum + durationUs, 0));
  const middle = median(totals);
  const spread = median(totals.map(total => Math.abs(total - middle)));
  return runs.filter((_, index) => (totals[index] ?? 0) <= middle + DISTURBED_SPREADS * spread);
}

/** Scales the layers so that they sum to the whole run; without any measurable kernel every layer gets an equal share. */
export function scaleLayers<T extends {readonly ms: number}>(layers: readonly T[], wholeRunMs: number): T[] {
  const sum = layers.reduce((total, layer) => total + layer.ms, 0);
  return layers.map(layer => ({
    ...layer,
    ms: sum > 0 ? (layer.ms / sum) * wholeRunMs : wholeRunMs / layers.length,
  }));
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function eventFromLine(line: string): TraceEvent | undefined {
  const text = line.trim().replace(/,$/, '');
  if (!text.startsWith('{')) return undefined;
  return JSON.parse(text) as TraceEvent;
}

function withoutNested(sortedKernels: readonly KernelEvent[]): KernelEvent[] {
  const kept: KernelEvent[] = [];
  let insideUntilUs = -1;
  // Of kernels that start together the control-flow operator comes first, since it encloses the others.
  const ordered = [...sortedKernels].sort((a, b) => a.startUs - b.startUs || b.durationUs - a.durationUs);
  for (const kernel of ordered) {
    const endUs = kernel.startUs + kernel.durationUs;
    if (kernel.startUs < insideUntilUs && endUs <= insideUntilUs) continue;
    kept.push(kernel);
    if (CONTROL_FLOW.has(kernel.operator)) insideUntilUs = endUs;
  }
  return kept;
}
