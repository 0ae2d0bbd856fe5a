import type {Explanation} from '../documents/explanation.ts';
import type {Plan} from '../documents/plan.ts';
import {explainPlan} from '../placement/explainPlan.ts';
import {readPlan} from './readPlan.ts';

/** @throws ExpectedError `plan-missing`, `invalid-document` */
export async function explain(planFile: string): Promise<{plan: Plan; explanation: Explanation}> {
  const {plan} = await readPlan(planFile);
  return {plan, explanation: explainPlan(plan)};
}
