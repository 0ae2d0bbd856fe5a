import type {WhatIf, WhatIfAnswer, WhatIfPlacement} from '../documents/explanation.ts';
import type {Plan, PlanTotals} from '../documents/plan.ts';
import {moneyAtPrice} from '../documents/planPrices.ts';
import {EXIT, ExpectedError} from '../errors.ts';

/**
 * Which placement would be the best at another price of the cloud's hour, and what a request would cost, from the plan alone.
 * Where the objective weighs money it is exact among all placements as far as the plan's own pieces are; where it does not,
 * no price changes the answer. Under a ceiling of money it only says whether the plan still keeps it.
 * @throws ExpectedError `price-missing`, `currencies-differ`, `what-if-out-of-range`, `wrong-usage` (all exit 2)
 */
export function answerAtPrice(plan: Plan, asked: WhatIf): WhatIfAnswer {
  const {prices, constraints} = plan;
  const {pricePerHour, ...others} = asked;
  if (pricePerHour === undefined) throw new RangeError('no price was asked for');
  const {amount, currency} = pricePerHour;
  if (Object.keys(others).length > 0)
    throw new ExpectedError(
      'wrong-usage',
      '--price is answered by itself, with everything else as it is.',
      EXIT.usage,
    );
  if (prices === undefined || prices.perHour === 0)
    throw new ExpectedError(
      'price-missing',
      `The plan for ${plan.device} was made without a price of the cloud's hour.`,
      EXIT.usage,
      {
        hints: [
          `Declare pricePerHour for the cloud in edgewise.yaml: '0.40 USD'`,
          `edgewise plan ${plan.device}`,
        ],
      },
    );
  if (currency !== prices.currency)
    throw new ExpectedError(
      'currencies-differ',
      `--price is in ${currency}, the plan's prices are in ${prices.currency}.`,
      EXIT.usage,
    );
  const answerOf = (name: string, predicted: PlanTotals): WhatIfPlacement => ({
    name,
    latencyMs: predicted.latencyMs,
    money: {amount: moneyAtPrice(predicted, prices, amount), currency},
  });
  const own = plan.alternatives.find(({verdict}) => verdict === 'chosen')?.name ?? 'this plan';
  const chosen = answerOf(own, plan.predicted);
  const {maxMoney} = constraints;
  // Under a ceiling other placements are allowed at other prices, which only planning again can tell.
  if (maxMoney !== undefined)
    return {
      asked,
      best: chosen,
      chosen,
      isProven: false,
      keepsCeiling: (chosen.money?.amount ?? 0) <= maxMoney.amount,
    };
  const {pieces} = prices;
  if (pieces === undefined) return {asked, best: chosen, chosen, isProven: true};
  const piece = pieces.find(({toPerHour}) => toPerHour === null || amount <= toPerHour);
  if (piece === undefined)
    throw new ExpectedError(
      'what-if-out-of-range',
      `The plan knows prices up to ${pieces.at(-1)?.toPerHour ?? 0} ${currency} an hour, not ${amount}.`,
      EXIT.usage,
    );
  const best = piece.name === own ? chosen : answerOf(piece.name, piece.predicted);
  return {asked, best, chosen, isProven: prices.isProven};
}
