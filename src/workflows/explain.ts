import type {Explanation, WhatIf, WhatIfAnswer} from '../documents/explanation.ts';
import type {Plan} from '../documents/plan.ts';
import {answerAtPrice} from '../placement/answerAtPrice.ts';
import {answerWhatIf} from '../placement/envelope/answerWhatIf.ts';
import {explainPlan} from '../placement/explainPlan.ts';
import {answerFromOutlook} from '../placement/outlook/answerFromOutlook.ts';
import {readPlan} from './readPlan.ts';

/** @throws ExpectedError `plan-missing`, `invalid-document`; with `whatIf` also as answerWhatIf and answerAtPrice do */
export async function explain(planFile: string, whatIf?: WhatIf): Promise<Explanation> {
  const {plan} = await readPlan(planFile);
  const explanation = explainPlan(plan);
  if (whatIf === undefined) return explanation;
  return {...explanation, whatIf: answerFrom(plan, whatIf)};
}

function answerFrom(plan: Plan, whatIf: WhatIf): WhatIfAnswer {
  if (whatIf.pricePerHour !== undefined) return answerAtPrice(plan, whatIf);
  return plan.outlook === undefined ? answerWhatIf(plan, whatIf) : answerFromOutlook(plan.outlook, whatIf);
}
