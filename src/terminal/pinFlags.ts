import type {Tier} from '../documents/plan.ts';
import {EXIT, ExpectedError} from '../errors.ts';

/** `conv*=device` as a pin. @throws ExpectedError `wrong-usage` */
export function pinsFromFlags(flags: readonly string[]): {layers: string; tier: Tier}[] {
  return flags.map(flag => {
    const at = flag.lastIndexOf('=');
    const tier = flag.slice(at + 1);
    if (at < 1 || (tier !== 'device' && tier !== 'gateway' && tier !== 'cloud')) {
      throw new ExpectedError(
        'wrong-usage',
        `--pin ${flag} is not of the form PATTERN=device, PATTERN=gateway or PATTERN=cloud.`,
        EXIT.usage,
      );
    }
    return {layers: flag.slice(0, at), tier};
  });
}
