import type {Call, PlacedSegment, Step} from '../../src/model/nestCalls.ts';

export interface NestedRun<Value> {
  readonly answers: ReadonlyMap<string, Value>;
  /** Names in the order in which they crossed, by "from>to". */
  readonly crossings: ReadonlyMap<string, readonly string[]>;
  readonly calls: number;
}

/**
 * Does what the steps say, each tier with a memory of its own: a tier knows what it made and what was sent to it, and
 * from one call to the next only what it was told to keep.
 */
export async function runNestedCalls<Value>(
  steps: readonly Step[],
  given: ReadonlyMap<string, Value>,
  wanted: readonly string[],
  runSegment: (segment: number, known: ReadonlyMap<string, Value>) => Promise<ReadonlyMap<string, Value>>,
): Promise<NestedRun<Value>> {
  const kept = new Map<number, Map<string, Value>>();
  const crossings = new Map<string, string[]>();
  let calls = 0;
  const cross = (from: number, to: number, name: string): void => {
    const key = `${from}>${to}`;
    crossings.set(key, [...(crossings.get(key) ?? []), name]);
  };
  const take = (known: ReadonlyMap<string, Value>, name: string): Value => {
    const value = known.get(name);
    if (value === undefined) throw new Error(`${name} is not there`);
    return value;
  };

  const perform = async (tier: number, todo: readonly Step[], known: Map<string, Value>): Promise<void> => {
    for (const step of todo) {
      if (step.kind === 'run') {
        for (const [name, value] of await runSegment(step.segment, known)) known.set(name, value);
        continue;
      }
      for (const [name, value] of await call(tier, step, known)) known.set(name, value);
    }
  };

  const call = async (from: number, step: Call, known: Map<string, Value>): Promise<Map<string, Value>> => {
    calls++;
    const there = new Map<string, Value>();
    for (const name of step.inputs) {
      cross(from, step.tier, name);
      there.set(name, take(known, name));
    }
    const keptThere = kept.get(step.tier) ?? new Map<string, Value>();
    for (const name of step.held) there.set(name, take(keptThere, name));
    await perform(step.tier, step.steps, there);
    for (const name of step.keeps) keptThere.set(name, take(there, name));
    kept.set(step.tier, keptThere);
    for (const name of step.outputs) cross(step.tier, from, name);
    return new Map(step.outputs.map(name => [name, take(there, name)]));
  };

  const known = new Map(given);
  await perform(0, steps, known);
  return {answers: new Map(wanted.map(name => [name, take(known, name)])), crossings, calls};
}

/** The segments that run somewhere below these steps, in the order in which they run. */
export function segmentsIn(steps: readonly Step[]): number[] {
  return steps.flatMap(step => (step.kind === 'run' ? [step.segment] : segmentsIn(step.steps)));
}

/** Every segment that runs on the tier of the call it is in. */
export function misplacedSegments(
  steps: readonly Step[],
  chain: readonly PlacedSegment[],
  tier = 0,
): number[] {
  return steps.flatMap(step =>
    step.kind === 'call'
      ? misplacedSegments(step.steps, chain, step.tier)
      : chain[step.segment]!.tier === tier
        ? []
        : [step.segment],
  );
}
