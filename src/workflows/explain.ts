import type {Explanation, WhatIf} from '../documents/explanation.ts';
import {answerAtPrice} from '../placement/answerAtPrice.ts';
import {answerWhatIf} from '../placement/envelope/answerWhatIf.ts';
import {explainPlan} from '../placement/explainPlan.ts';
import {readPlan} from './readPlan.ts';

/** @throws ExpectedError `plan-missing`, `invalid-document`; with `whatIf` also as answerWhatIf and answerAtPrice do */
export async function explain(planFile: string, whatIf?: WhatIf): Promise<Explanation> {
  const {plan} = await readPlan(planFile);
  const explanation = explainPlan(plan);
  if (whatIf === undefined) return explanation;
  const answer = whatIf.pricePerHour === undefined ? answerWhatIf(plan, whatIf) : answerAtPrice(plan, whatIf);
  return {...explanation, whatIf: answer};
}
