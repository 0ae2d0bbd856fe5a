import {z} from 'zod';

const name = z.string().min(1);
const bytes = z.int().nonnegative();
const milliseconds = z.number().nonnegative();
const megabitsPerSecond = z.number().positive();

/** What a route takes is kept as bits of one number, of which there are 31. */
const MOST_LINKS = 30;

const layer = z.strictObject({
  name,
  timeMs: z
    .record(z.string(), milliseconds)
    .describe('Per tier, how long the layer takes there; on a tier that is left out it cannot run.'),
  weightBytes: bytes.default(0),
});

const tensor = z.strictObject({
  name,
  bytes,
  producer: name
    .nullable()
    .describe('The layer that makes it; null for an input of the model, which lies on the first tier.'),
  consumers: z.array(name).describe('The layers that read it.'),
  isOutput: z.boolean().describe('Outputs must be on the first tier in the end.'),
});

const link = z.strictObject({
  from: name,
  to: name.describe('A tier further up than "from"; what lies between two tiers without a link is relayed.'),
  upMbitPerSecond: megabitsPerSecond.describe('Megabits of 10⁶ bits, from "from" to "to".'),
  downMbitPerSecond: megabitsPerSecond,
  roundTripMs: milliseconds.describe('Charged once when anything crosses the link.'),
});

/** What layers cost on each tier and tensors on each link, from wherever: all that a placement needs, and no model. Each part by itself. */
export const costsTableSchema = z.strictObject({
  // JSON has no comments: this key is how editors are told of the schema.
  $schema: z.string().optional().describe('Where an editor finds the schema of tables of costs.'),
  kind: z.literal('edgewise/costs'),
  formatVersion: z.literal(1),
  tiers: z
    .array(name)
    .min(1)
    .max(MOST_LINKS + 1)
    .describe('In order: the first is where inputs lie and outputs are wanted, the last the furthest cloud.'),
  layers: z.array(layer).min(1),
  tensors: z.array(tensor),
  links: z.array(link).max(MOST_LINKS),
  pins: z
    .array(
      z.strictObject({
        layer: name.describe('A layer, or a pattern in which * stands for any letters.'),
        tier: name,
      }),
    )
    .default([]),
  memoryBytes: z
    .record(z.string(), bytes)
    .default({})
    .describe('Per tier, what the weights of its layers may take; no limit where left out.'),
  direction: z
    .enum(['one-way', 'two-way'])
    .default('one-way')
    .describe('Whether what layers read only goes up, or up and down. Outputs come back in both.'),
  objective: z.enum(['latency', 'throughput']).default('latency'),
});

export type CostsTable = z.infer<typeof costsTableSchema>;
