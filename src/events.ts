/**
 * What the core says while it works. Workflows and doors emit events; terminal/ decides how they look
 * (a live list on a terminal, plain lines in CI). The core itself never prints.
 */
export type EdgewiseEvent =
  | {readonly kind: 'step-started'; readonly step: string; readonly title: string}
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

/**
 * Runs `work` as one step: started, then done, or failed where `work` throws; `summarize` may say otherwise.
 * The step's id must be unique among the steps under way.
 */
export async function runStep<T>(
  emit: EmitEvent,
  step: string,
  title: string,
  work: (
    progress: (detail: Omit<Extract<EdgewiseEvent, {kind: 'step-progressed'}>, 'kind' | 'step'>) => void,
  ) => Promise<T>,
  summarize?: (result: T) => {outcome?: 'done' | 'skipped' | 'failed'; detail?: string},
): Promise<T> {
  emit({kind: 'step-started', step, title});
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
