import {readFile, stat} from 'node:fs/promises';
import {getSystemErrorMessage} from 'node:util';
import {measuredAnswerFromJson, type MeasuredAnswer} from '../documents/measuredAnswer.ts';
import type {Plan} from '../documents/plan.ts';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {readDocumentInput} from '../workspace/readDocumentInput.ts';
import {writeAtomically} from '../workspace/writeAtomically.ts';
import {readPlan} from './readPlan.ts';

export interface PlanPageRequest {
  readonly planFile: string;
  /** Where the page goes. */
  readonly file: string;
  /** What `edgewise infer --json` printed. */
  readonly measuredFile?: string;
}

export interface PageContents {
  readonly plan: Plan;
  readonly answer: MeasuredAnswer | null;
  readonly style: string;
}

/** Digits that documents keep: two predictions that agree in them are the same. */
const KEPT_DIGITS = 6;

/**
 * Gathers what a plan's page shows and writes what `draw` makes of it, whole or not at all.
 * @throws ExpectedError `plan-missing`, `invalid-document`, `wrong-usage`, `measured-elsewhere`, `page-not-written`
 */
export async function writePlanPage(
  {planFile, file, measuredFile}: PlanPageRequest,
  draw: (contents: PageContents) => string,
): Promise<void> {
  await refuseFolder(file);
  const {plan} = await readPlan(planFile);
  const answer = measuredFile === undefined ? null : await readAnswer(measuredFile, plan);
  const style = await readFile(new URL('../../templates/page/plan.css', import.meta.url), 'utf8');
  const page = draw({plan, answer, style});
  try {
    await writeAtomically(file, page);
  } catch (error) {
    throw new ExpectedError(
      'page-not-written',
      `The page cannot be written to ${file}: ${reasonOf(error)}.`,
      EXIT.commandFailed,
      {cause: error},
    );
  }
}

/** Without the name of the file beside the final one, which nobody asked for. */
function reasonOf(error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
  return typeof errno === 'number' ? getSystemErrorMessage(errno) : messageOf(error);
}

async function refuseFolder(file: string): Promise<void> {
  const hints = [`edgewise explain PLAN --html plan.html`];
  if (file === '-' || file === '')
    throw new ExpectedError(
      'wrong-usage',
      `--html needs the name of a file, and ${JSON.stringify(file)} is none.`,
      EXIT.usage,
      {hints},
    );
  const found = await stat(file).catch(() => null);
  if (found?.isDirectory() === true || file.endsWith('/'))
    throw new ExpectedError(
      'wrong-usage',
      `--html needs the name of a file, and ${file} is a folder.`,
      EXIT.usage,
      {hints},
    );
}

/** @throws ExpectedError `no-such-file`, `invalid-document`, `measured-elsewhere` */
async function readAnswer(file: string, plan: Plan): Promise<MeasuredAnswer> {
  const {text, name} = await readDocumentInput(file);
  const answer = measuredAnswerFromJson(text, name);
  const hints = [`edgewise infer ${plan.device} --evaluation --json`];
  if (answer.device !== plan.device)
    throw new ExpectedError(
      'measured-elsewhere',
      `${name} was measured on ${answer.device}, the plan is for ${plan.device}.`,
      EXIT.usage,
      {hints},
    );
  const [here, there] = [plan.predicted.latencyMs, answer.predicted?.latencyMs];
  if (there !== undefined && there.toPrecision(KEPT_DIGITS) !== here.toPrecision(KEPT_DIGITS))
    throw new ExpectedError(
      'measured-elsewhere',
      `${name} was measured with a plan that predicts ${there} ms, this one predicts ${here} ms.`,
      EXIT.usage,
      {hints},
    );
  return answer;
}
