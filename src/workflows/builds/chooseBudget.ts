import {
  budgetFromText,
  budgetOf,
  unsuitableBudget,
  type Accuracy,
  type AccuracyBudget,
  type AccuracyMetric,
} from '../../documents/accuracyBudget.ts';
import {EXIT, ExpectedError} from '../../errors.ts';

export interface ChosenBudget {
  readonly limit: AccuracyBudget;
  /** As the user wrote it. */
  readonly text: string;
}

/**
 * What `--max-drop` allows, else what the project does; `null` when neither says.
 * @throws ExpectedError `accuracy-budget-invalid` when it is no amount, or none that the project's metric can lose
 */
export function chooseBudget(
  accuracy: Accuracy | undefined,
  maxDrop: string | undefined,
): ChosenBudget | null {
  if (maxDrop !== undefined) return budgetFromFlag(accuracy?.metric, maxDrop);
  const limit = accuracy === undefined ? null : budgetOf(accuracy);
  if (limit === null) return null;
  return {limit, text: String(accuracy?.maxDrop ?? `at least ${accuracy?.minimum ?? 0} dB`)};
}

function budgetFromFlag(metric: AccuracyMetric | undefined, maxDrop: string): ChosenBudget {
  const limit = budgetFromText(maxDrop);
  if (limit === null)
    throw new ExpectedError(
      'accuracy-budget-invalid',
      `--max-drop ${maxDrop} is neither a number, a percentage nor points.`,
      EXIT.usage,
      {hints: ['--max-drop 1%', '--max-drop 0.01', '--max-drop "0.5 points"']},
    );
  const unsuitable = unsuitableBudget(metric, maxDrop);
  if (unsuitable === null) return {limit, text: maxDrop};
  const name = typeof metric === 'object' ? 'a metric command' : (metric ?? 'top-1 or cosine');
  throw new ExpectedError(
    'accuracy-budget-invalid',
    `--max-drop ${maxDrop} does not suit ${name}: expected ${unsuitable.expected}, because ${unsuitable.because}.`,
    EXIT.usage,
    {hints: [hintFor(metric)]},
  );
}

function hintFor(metric: AccuracyMetric | undefined): string {
  if (metric === 'sqnr') return 'Set accuracy: {metric: sqnr, minimum: 30} in edgewise.yaml.';
  const isOwnUnit = typeof metric === 'object' || metric === 'mean-absolute-error';
  return isOwnUnit ? '--max-drop 0.01' : '--max-drop 1%';
}
