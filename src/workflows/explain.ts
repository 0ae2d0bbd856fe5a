import type {Explanation} from '../documents/explanation.ts';
import {explainPlan} from '../placement/explainPlan.ts';
import {readPlan} from './readPlan.ts';

/** @throws ExpectedError `plan-missing`, `invalid-document` */
export async function explain(planFile: string): Promise<Explanation> {
  const {plan} = await readPlan(planFile);
  return explainPlan(plan);
}
