import {moneyField, moneyFromText, type Money} from '../documents/goals.ts';
import {EXIT, ExpectedError} from '../errors.ts';

/** @throws ExpectedError `wrong-usage` for an amount without its currency, or what is none */
export function moneyFromFlag(name: string, text: string | undefined): Money | undefined {
  if (text === undefined) return undefined;
  if (moneyField.safeParse(text).success) return moneyFromText(text);
  throw new ExpectedError(
    'wrong-usage',
    `--${name} ${text} is no amount with its currency, such as "0.0001 EUR".`,
    EXIT.usage,
  );
}
