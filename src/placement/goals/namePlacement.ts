import type {MeasuredGoal} from './measuredGoal.ts';
import type {SpacePlacement} from './space.ts';

/**
 * Names placements for people, each its own: `device-only` and the like, `cut after conv2` where the first layers are on the
 * device and all others in the cloud, else `cut at` the tensors that go up; two that would be called alike are counted.
 */
export function createGoalNamer(
  goal: Pick<MeasuredGoal, 'space' | 'tiers'>,
): (placement: SpacePlacement) => string {
  const given = new Map<string, string>();
  const taken = new Set<string>();
  return placement => {
    const key = placement.tiers.join();
    const known = given.get(key);
    if (known !== undefined) return known;
    const plain = describePlacement(goal, placement);
    let name = plain;
    for (let count = 2; taken.has(name); count++) name = `${plain} (${count})`;
    given.set(key, name);
    taken.add(name);
    return name;
  };
}

function describePlacement(
  {space, tiers}: Pick<MeasuredGoal, 'space' | 'tiers'>,
  {tiers: placed, crossings}: SpacePlacement,
): string {
  const [first = 0] = placed;
  if (placed.every(tier => tier === first)) return `${tiers[first] ?? 'device'}-only`;
  const deviceLayers = placed.lastIndexOf(0) + 1;
  const isPrefix = deviceLayers > 0 && placed.slice(0, deviceLayers).every(tier => tier === 0);
  if (isPrefix && placed.slice(deviceLayers).every(tier => tiers[tier] === 'cloud'))
    return `cut after ${space.layers[deviceLayers - 1]?.name ?? ''}`;
  const up = new Set(crossings.flatMap(({tensor, direction}) => (direction === 'up' ? [tensor] : [])));
  const names = [...up].map(tensor => space.tensors[tensor]?.name ?? '');
  const shown = names.length <= 3 ? names : [...names.slice(0, 2), `${names.length - 2} more`];
  // Layers without inputs can run in the cloud with nothing sent up: then only the count tells.
  const onDevice = placed.filter(tier => tier === 0).length;
  return names.length === 0 ? `${onDevice} layers on the device` : `cut at ${shown.join(', ')}`;
}
