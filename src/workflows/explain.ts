import type {Explanation, WhatIf} from '../documents/explanation.ts';
import {answerWhatIf} from '../placement/envelope/answerWhatIf.ts';
import {explainPlan} from '../placement/explainPlan.ts';
import {readPlan} from './readPlan.ts';

/** @throws ExpectedError `plan-missing`, `invalid-document`; with `whatIf` also as answerWhatIf does */
export async function explain(planFile: string, whatIf?: WhatIf): Promise<Explanation> {
  const {plan} = await readPlan(planFile);
  const explanation = explainPlan(plan);
  return whatIf === undefined ? explanation : {...explanation, whatIf: answerWhatIf(plan, whatIf)};
}
