import {nearestWord} from '../documents/nearestWord.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {recipeFor} from './recipeFor.ts';
import {TARGET_NAMES, type Target} from './target.ts';
import {TARGETS} from './targets.ts';

/**
 * The target that somebody asked for, without a machine of it at hand.
 * @throws ExpectedError `unknown-target` (exit 2) with the name that was most likely meant
 */
export function targetByName(name: string): Target {
  const found = TARGETS.find(target => target.name === name);
  if (found === undefined) {
    const meant = nearestWord(name, TARGET_NAMES);
    throw new ExpectedError(
      'unknown-target',
      `There is no target "${name}"${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      EXIT.usage,
      {hints: [`Choose one of ${TARGET_NAMES.join(', ')}`]},
    );
  }
  return {name: found.name, recognisedBy: ['asked for by name'], recipe: recipeFor(found.recipe, null)};
}
