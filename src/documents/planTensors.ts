import type {z} from 'zod';

interface PlanGraph {
  readonly layers: readonly unknown[];
  readonly tensors?:
    readonly {readonly producer: number | null; readonly consumers: readonly number[]}[] | undefined;
}

/** Positions in `layers` that a plan's tensors name: there must be such layers, and what reads comes after what makes. */
export function checkPlanTensors({layers, tensors = []}: PlanGraph, context: z.core.$RefinementCtx): void {
  const last = layers.length - 1;
  tensors.forEach(({producer, consumers}, at) => {
    const refuse = (path: (string | number)[], input: number, expected: string): void =>
      context.addIssue({
        code: 'custom',
        path: ['tensors', at, ...path],
        message: `expected ${expected}`,
        input,
      });
    if (producer !== null && producer > last)
      refuse(['producer'], producer, `the position of a layer, at most ${last}`);
    const first = producer === null ? 0 : producer + 1;
    consumers.forEach((consumer, index) => {
      if (consumer > last || consumer < first)
        refuse(
          ['consumers', index],
          consumer,
          first > last
            ? 'no reader, for no layer comes after the producer'
            : `the position of a layer after its producer, ${first} to ${last}`,
        );
    });
  });
}
