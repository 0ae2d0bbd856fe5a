import type {PlacementMove} from '../documents/fleetPlan.ts';

interface Choice {
  readonly name: string;
  readonly cloudMs: number;
  readonly latencyMs: number;
}

export interface MovableClass {
  readonly name: string;
  readonly devices: number;
  readonly requestsPerSecond: number;
  readonly cloudMs: number;
  readonly latencyMs: number;
  readonly others: readonly Choice[];
}

interface Step {
  readonly owner: number;
  readonly choice: Choice;
  /** Latency that the step costs a request, per millisecond that it frees in the cloud. */
  readonly price: number;
}

const MS_PER_SECOND = 1000;

/**
 * Which classes to place otherwise so that at most `busyInstances` are busy: along the lower hull of each class's choices
 * (cloud time against latency), the step that costs the least latency per freed cloud time first, and of those none that
 * the others make needless. `null` when the least the classes can ask is still too much.
 * @see Sinha and Zoltners 1979, The multiple-choice knapsack problem: the hull's steps in order solve its relaxation
 */
export function choosePlacementMoves(
  classes: readonly MovableClass[],
  busyInstances: number,
): PlacementMove[] | null {
  const steps = classes
    .flatMap((owner, index) => stepsOf(owner, index))
    .sort((left, right) => left.price - right.price || left.owner - right.owner);
  const chosen = new Map<number, Choice>();
  const current = (index: number): Choice | undefined => chosen.get(index) ?? classes[index];
  const load = (): number =>
    classes.reduce(
      (sum, {requestsPerSecond}, index) =>
        sum + (requestsPerSecond * (current(index)?.cloudMs ?? 0)) / MS_PER_SECOND,
      0,
    );
  for (const {owner, choice} of steps) {
    if (load() <= busyInstances) break;
    chosen.set(owner, choice);
  }
  if (load() > busyInstances) return null;
  // The last step may free more than was missing: whatever was moved before it and still fits goes back.
  for (const [index, choice] of [...chosen].reverse()) {
    chosen.delete(index);
    if (load() > busyInstances) chosen.set(index, choice);
  }
  return classes.flatMap((owner, index) => {
    const choice = chosen.get(index);
    if (choice === undefined) return [];
    return [
      {
        class: owner.name,
        devices: owner.devices,
        placement: choice.name,
        addedLatencyMs: choice.latencyMs - owner.latencyMs,
        freedInstances: (owner.requestsPerSecond * (owner.cloudMs - choice.cloudMs)) / MS_PER_SECOND,
      },
    ];
  });
}

/** From what the class has now along the hull to the choice that asks least of the cloud, ever dearer. */
function stepsOf({cloudMs, latencyMs, others, requestsPerSecond}: MovableClass, owner: number): Step[] {
  const steps: Step[] = [];
  if (requestsPerSecond === 0) return steps;
  for (let from: Pick<Choice, 'cloudMs' | 'latencyMs'> = {cloudMs, latencyMs}; ;) {
    let best: Step | undefined;
    for (const choice of others) {
      if (choice.cloudMs >= from.cloudMs) continue;
      const price = (choice.latencyMs - from.latencyMs) / (from.cloudMs - choice.cloudMs);
      const isBetter = best === undefined || price < best.price;
      if (isBetter || (price === best?.price && choice.cloudMs < best.choice.cloudMs))
        best = {owner, choice, price};
    }
    if (best === undefined) return steps;
    steps.push(best);
    from = best.choice;
  }
}
