import {z} from 'zod';
import {readQuantity, type QuantityKind} from './quantities.ts';

/** A quantity as documents hold it: text with its unit. `quantityOf` reads it again, in the kind's base unit. */
export function quantityField(kind: QuantityKind) {
  return z.string().superRefine((text, context) => {
    if (readQuantity(text, kind).kind === 'unread')
      context.addIssue({
        code: 'custom',
        message: `expected a number with its unit, such as ${kind.examples}`,
        input: text,
      });
  });
}

/** In the kind's base unit. @throws Error for a text that its document's schema would not have let through */
export function quantityOf(text: string, kind: QuantityKind): number {
  const read = readQuantity(text, kind);
  if (read.kind === 'unread') throw new Error(`"${text}" ${read.problem}`);
  return read.value;
}
