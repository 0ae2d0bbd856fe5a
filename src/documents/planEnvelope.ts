import type {z} from 'zod';

interface PlanWithEnvelope {
  readonly layers: readonly {readonly name: string}[];
  readonly envelope?:
    | {
        readonly placements: readonly {
          readonly deviceLayers: readonly {readonly first: string; readonly last: string}[];
        }[];
        readonly axes: readonly {
          readonly pieces: readonly {
            readonly from: number;
            readonly to: number | null;
            readonly placement: number;
          }[];
        }[];
      }
    | undefined;
}

/** That a plan's envelope names placements and layers that there are, and that its pieces leave no gap. */
export function checkPlanEnvelope(
  {layers, envelope}: PlanWithEnvelope,
  context: z.core.$RefinementCtx,
): void {
  if (envelope === undefined) return;
  const {placements, axes} = envelope;
  const refuse = (path: (string | number)[], input: unknown, expected: string): void =>
    context.addIssue({code: 'custom', path: ['envelope', ...path], message: `expected ${expected}`, input});

  const places = new Map(layers.map(({name}, index) => [name, index]));
  placements.forEach(({deviceLayers}, at) => {
    deviceLayers.forEach(({first, last}, run) => {
      const path = ['placements', at, 'deviceLayers', run];
      const [start, end] = [places.get(first), places.get(last)];
      if (start === undefined) refuse([...path, 'first'], first, 'the name of a layer');
      if (end === undefined) refuse([...path, 'last'], last, 'the name of a layer');
      else if (start !== undefined && end < start)
        refuse([...path, 'last'], last, 'the first layer or one after it');
    });
  });
  axes.forEach(({pieces}, axis) => {
    pieces.forEach(({from, to, placement}, at) => {
      const path = ['axes', axis, 'pieces', at];
      const next = pieces[at + 1];
      if (placement >= placements.length)
        refuse(
          [...path, 'placement'],
          placement,
          `the position of a placement, at most ${placements.length - 1}`,
        );
      if (to === null ? next !== undefined : to < from)
        refuse([...path, 'to'], to, `a number of at least ${from}`);
      else if (next !== undefined && next.from !== to)
        refuse(['axes', axis, 'pieces', at + 1, 'from'], next.from, `${to}, where the piece before ends`);
    });
  });
}
