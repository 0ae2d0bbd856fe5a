import {EXIT, ExpectedError} from '../errors.ts';
import {recipeFor} from './recipeFor.ts';
import type {Target, TargetFacts} from './target.ts';
import {TARGETS} from './targets.ts';

/**
 * All targets that a machine is, the best first: a Jetson is a TensorRT target and an ARM CPU. Recipes use every core.
 * @throws ExpectedError `architecture-unsupported` (exit 13) when it is none
 */
export function targetsFromHardware(facts: TargetFacts): readonly [Target, ...Target[]] {
  const [first, ...others] = TARGETS.flatMap(({name, recognise, recipe}) => {
    const recognisedBy = recognise(facts);
    return recognisedBy === null ? [] : [{name, recognisedBy, recipe: recipeFor(recipe, facts)}];
  });
  if (first === undefined) {
    throw new ExpectedError(
      'architecture-unsupported',
      `There is no target for the architecture ${facts.architecture}; the known ones are x64 and arm64.`,
      EXIT.unsupported,
    );
  }
  return [first, ...others];
}

/**
 * The target of a device, from the hardware facts of its profile.
 * @throws ExpectedError `architecture-unsupported` (exit 13)
 */
export function targetFromHardware(facts: TargetFacts): Target {
  return targetsFromHardware(facts)[0];
}
