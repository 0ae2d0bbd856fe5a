import {EXIT, ExpectedError} from '../errors.ts';
import type {Hardware} from '../documents/profile.ts';
import {ARM64} from './arm64.ts';
import type {Recognition, Target} from './target.ts';
import {X86} from './x86.ts';

const FAMILIES: ReadonlyMap<string, readonly Recognition[]> = new Map([
  ['x64', X86],
  ['arm64', ARM64],
]);

/**
 * The target of a device, from the hardware facts of its profile; the recipe uses every core.
 * @throws ExpectedError `architecture-unsupported` (exit 13) when no family has such processors
 */
export function targetFromHardware(
  hardware: Pick<Hardware, 'architecture' | 'cpuFeatures' | 'cores'>,
): Target {
  const features = new Set(hardware.cpuFeatures);
  for (const {name, anyOf} of FAMILIES.get(hardware.architecture) ?? []) {
    const found = anyOf.filter(feature => features.has(feature));
    if (anyOf.length > 0 && found.length === 0) continue;
    return {
      name,
      recognisedBy: [hardware.architecture, ...found],
      recipe: {precision: 'fp32', optimisation: 'extended', threads: hardware.cores},
    };
  }
  throw new ExpectedError(
    'architecture-unsupported',
    `There is no target for the architecture ${hardware.architecture}; the known ones are ${[...FAMILIES.keys()].join(' and ')}.`,
    EXIT.unsupported,
  );
}
