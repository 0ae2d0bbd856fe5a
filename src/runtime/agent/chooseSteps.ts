import type {DeployedStep} from '../../documents/deployedSteps.ts';

export interface ChosenStep {
  readonly step: DeployedStep;
  /** Those that are needed; of a step that runs, all come anyway. */
  readonly outputs: readonly string[];
  /** What later steps, or the answer, read. */
  readonly usedLater: ReadonlySet<string>;
}

/**
 * The steps that the wanted outputs need, in order. What a call keeps on its machine is needed by the call that finds it
 * there; where none of these does, one of another part of the release will.
 * @param alsoRead what must be there besides when a call is made: a fallback would read it
 */
export function chooseSteps(
  steps: readonly DeployedStep[],
  wanted: readonly string[],
  alsoRead: readonly string[],
): readonly ChosenStep[] {
  const heldHere = new Set(steps.flatMap(step => placesOf(step, 'held')));
  let needed: ReadonlySet<string> = new Set(wanted);
  let heldLater: ReadonlySet<string> = new Set();
  const chosen: ChosenStep[] = [];
  for (const step of steps.toReversed()) {
    const outputs = step.outputs.map(({name}) => name).filter(name => needed.has(name));
    const isKeeping = placesOf(step, 'keeps').some(place => heldLater.has(place) || !heldHere.has(place));
    if (outputs.length === 0 && !isKeeping) continue;
    chosen.unshift({step, outputs, usedLater: needed});
    const read = step.inputs.map(({name}) => name);
    needed = new Set([...needed, ...read, ...(step.kind === 'call' ? alsoRead : [])]);
    heldLater = new Set([...heldLater, ...placesOf(step, 'held')]);
  }
  return chosen;
}

function placesOf(step: DeployedStep, kind: 'held' | 'keeps'): string[] {
  return step.kind === 'call' ? step[kind].map(name => `${name} at ${step.url}`) : [];
}
