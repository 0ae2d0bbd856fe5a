import type {Plan} from '../documents/plan.ts';
import {planFromYaml} from '../documents/readDocument.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {readDocumentText} from '../workspace/projectFolder.ts';

/** @throws ExpectedError `plan-missing`, `invalid-document` */
export async function readPlan(planFile: string): Promise<{plan: Plan; text: string}> {
  const text = await readDocumentText(planFile);
  if (text === null) {
    throw new ExpectedError('plan-missing', `There is no plan at ${planFile}.`, EXIT.usage, {
      hints: ['edgewise plan'],
    });
  }
  return {plan: planFromYaml(text, planFile), text};
}
