import {EXIT, ExpectedError} from '../errors.ts';
import type {Tier} from '../documents/plan.ts';
import type {ModelTimes} from '../documents/profile.ts';
import {sustainedFactor} from '../documents/sustained.ts';
import type {LayerRow} from './measurements.ts';

/**
 * Milliseconds per layer from a machine's profile, in the rows' order; null where the runtime reported no time. Those of
 * a machine that slows down under load are what they are then.
 * @throws ExpectedError `profile-stale` (exit 14) when the profile is of another build, or names other layers
 */
export function layerTimesFromProfile(
  layers: readonly LayerRow[],
  times: ModelTimes,
  machine: Tier,
  build: string,
): (number | null)[] {
  const stale = (why: string): ExpectedError =>
    new ExpectedError(
      'profile-stale',
      `The ${machine}'s profile does not fit the model: ${why}.`,
      EXIT.stale,
      {
        hints: ['Measure again: edgewise profile'],
      },
    );
  if (times.build !== build)
    throw stale(`it is of build ${shortDigest(times.build)}, the model's build is ${shortDigest(build)}`);
  const rows = new Map(layers.map(layer => [layer.name, layer]));
  const measured = new Map<string, number>();
  for (const {name, operator, ms} of times.layers) {
    const row = rows.get(name);
    if (row === undefined) throw stale(`it has a layer ${name}, the model has none of that name`);
    if (row.operator !== operator)
      throw stale(`layer ${name} is ${operator} there and ${row.operator} in the model`);
    measured.set(name, (measured.get(name) ?? 0) + ms);
  }
  const factor = sustainedFactor(times);
  if (measured.size === 0 && layers.length > 0) throw stale('it has no layer times');
  return layers.map(({name}) => {
    const ms = measured.get(name);
    return ms === undefined ? null : ms * factor;
  });
}

function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
