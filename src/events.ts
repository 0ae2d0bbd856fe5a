/**
 * What the core says while it works. Workflows and doors emit events; terminal/ decides how they look
 * (a live list on a terminal, plain lines in CI). The core itself never prints.
 */
export type EdgewiseEvent =
  | {
      readonly kind: 'step-started';
      readonly step: string;
      readonly title: string;
      /** On which machine, where it is one alone. */
      readonly machine?: string;
    }
  | {
      readonly kind: 'step-progressed';
      readonly step: string;
      readonly detail?: string;
      readonly doneBytes?: number;
      readonly totalBytes?: number;
      readonly doneCount?: number;
      readonly totalCount?: number;
      /** What is counted, in the plural. */
      readonly counted?: string;
    }
  | {
      readonly kind: 'step-ended';
      readonly step: string;
      readonly outcome: 'done' | 'skipped' | 'failed';
      readonly detail?: string;
    }
  | {readonly kind: 'note'; readonly level: 'info' | 'warning'; readonly text: string}
  /** A line of a rollout's journal, for programs that follow it. */
  | {readonly kind: 'record'; readonly rollout: string; readonly record: object};

export type EmitEvent = (event: EdgewiseEvent) => void;

/** For callers that do not care to watch. */
export const ignoreEvents: EmitEvent = () => {};

/** What a step does; it tells how far it is. */
type Work<T> = (
  progress: (detail: Omit<Extract<EdgewiseEvent, {kind: 'step-progressed'}>, 'kind' | 'step'>) => void,
) => Promise<T>;

type Summarize<T> = (result: T) => {outcome?: 'done' | 'skipped' | 'failed'; detail?: string};

/**
 * Runs `work` as one step: started, then done, or failed where `work` throws; `summarize` may say otherwise.
 * The step's id must be unique among the steps under way.
 */
export async function runStep<T>(
  emit: EmitEvent,
  step: string,
  title: string,
  work: Work<T>,
  summarize?: Summarize<T>,
): Promise<T> {
  return runStarted(emit, {step, title}, work, summarize);
}

/** As runStep, on one machine: `step` is unique among those under way there, and the title begins with its name. */
export async function runStepOn<T>(
  emit: EmitEvent,
  machine: string,
  step: string,
  title: string,
  work: Work<T>,
  summarize?: Summarize<T>,
): Promise<T> {
  return runStarted(
    emit,
    {step: `${machine}/${step}`, title: `${machine}: ${title}`, machine},
    work,
    summarize,
  );
}

async function runStarted<T>(
  emit: EmitEvent,
  started: {readonly step: string; readonly title: string; readonly machine?: string},
  work: Work<T>,
  summarize: Summarize<T> | undefined,
): Promise<T> {
  const {step} = started;
  emit({kind: 'step-started', ...started});
  try {
    const result = await work(detail => emit({kind: 'step-progressed', step, ...detail}));
    const summary = summarize?.(result) ?? {};
    emit({
      kind: 'step-ended',
      step,
      outcome: summary.outcome ?? 'done',
      ...(summary.detail === undefined ? {} : {detail: summary.detail}),
    });
    return result;
  } catch (error) {
    emit({kind: 'step-ended', step, outcome: 'failed'});
    throw error;
  }
}
