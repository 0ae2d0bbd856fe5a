import {readQuantity, type QuantityKind} from '../documents/quantities.ts';
import {EXIT, ExpectedError} from '../errors.ts';

/**
 * A flag's text as a number of the kind's base unit; `undefined` where the flag was not given. Read after oclif has
 * parsed the flags, because oclif puts words of its own around an error from its parser.
 * @throws ExpectedError `wrong-usage`
 */
export function quantityFromFlag(
  flag: string,
  text: string | undefined,
  kind: QuantityKind,
): number | undefined {
  if (text === undefined) return undefined;
  const read = readQuantity(text, kind);
  if (read.kind === 'read') return read.value;
  throw new ExpectedError('wrong-usage', `--${flag} ${text} ${read.problem}.`, EXIT.usage);
}
