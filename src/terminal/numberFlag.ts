import {custom} from '@oclif/core/flags';
import {EXIT, ExpectedError} from '../errors.ts';

/** A flag for any finite number of at least `min`; oclif has whole numbers only. */
export const numberFlag = custom<number, {min: number}>({
  parse: async (text, _context, {min, name}) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= min) return value;
    throw new ExpectedError(
      'wrong-usage',
      `--${name} ${text} is not a number of at least ${min}.`,
      EXIT.usage,
    );
  },
});
