import {z} from 'zod';
import {checkBoundary, travelFields} from './boundary.ts';
import {ELEMENT_TYPES} from './elementTypes.ts';
import {headerOf, sha256Digest} from './header.ts';
import {checkPlanEnvelope} from './planEnvelope.ts';
import {checkPlanTensors} from './planTensors.ts';

export const tier = z.enum(['device', 'cloud']);

const totals = z.strictObject({
  latencyMs: z.number().nonnegative(),
  deviceMs: z.number().nonnegative(),
  linkMs: z.number().nonnegative(),
  cloudMs: z.number().nonnegative(),
  overheadMs: z.number().nonnegative(),
  upBytes: z.int().nonnegative(),
  downBytes: z.int().nonnegative(),
  deviceWeightBytes: z.int().nonnegative(),
  cloudWeightBytes: z.int().nonnegative(),
});

/** Why a layer is where it is. */
export const layerReason = z.enum([
  'faster-here',
  'saves-transfer',
  'pinned-by-user',
  'keeps-raw-input-on-device',
  'no-cloud',
]);

/** What layers hand to one another: activations, inputs and outputs of the model, no weights. Layers by position in `layers`. */
const exchangedTensor = z.strictObject({
  name: z.string(),
  /** `null` where the shape is not known before a request. */
  bytes: z.int().nonnegative().nullable(),
  /** `null`: an input of the model. */
  producer: z.int().nonnegative().nullable(),
  consumers: z.array(z.int().nonnegative()),
  isOutput: z.boolean(),
});

const crossing = z.strictObject({
  tensor: z.string(),
  direction: z.enum(['up', 'down']),
  elementType: z.enum(ELEMENT_TYPES),
  shape: z.array(z.int().nonnegative()),
  /** What really travels: fewer than the values take where a precision is said. */
  bytes: z.int().nonnegative(),
  ...travelFields,
});

/** The nearest value of one measured quantity at which another placement is the best, everything else unchanged. */
const answerChange = z.strictObject({
  what: z.enum([
    'up-bandwidth',
    'down-bandwidth',
    'link-bandwidth',
    'round-trip',
    'device-speed',
    'cloud-speed',
  ]),
  direction: z.enum(['above', 'below']),
  threshold: z.number().nonnegative(),
  unit: z.enum(['bytes-per-second', 'ms', 'times']),
  /** The quantity's value in this plan, in the same unit. */
  current: z.number().nonnegative(),
  /** The name of an alternative. */
  becomes: z.string(),
});

const knownPlacement = z.strictObject({
  /** As the alternatives are named. */
  name: z.string(),
  /** Runs of neighbouring layers in the plan's order; every other layer runs in the cloud. */
  deviceLayers: z.array(z.strictObject({first: z.string(), last: z.string()})),
  upBytes: z.int().nonnegative(),
  downBytes: z.int().nonnegative(),
  /** As measured when the plan was made. */
  latencyMs: z.number().nonnegative(),
  /** The part of it that is inversely proportional to the link's bandwidth. */
  transferMs: z.number().nonnegative(),
  /** The part of it that is inversely proportional to the cloud's speed. */
  cloudMs: z.number().nonnegative(),
});

const envelopePiece = z.strictObject({
  from: z.number().nonnegative(),
  /** `null`: for every larger value too. */
  to: z.number().nonnegative().nullable(),
  /** Index into `placements`. */
  placement: z.int().nonnegative(),
  latencyMsFrom: z.number().nonnegative(),
  /** Where `to` is `null`: what the latency tends to. */
  latencyMsTo: z.number().nonnegative(),
});

/** Which placement is the best at every value of one quantity, everything else unchanged, exact among all placements. */
const envelope = z.strictObject({
  /** The chosen one first. */
  placements: z.array(knownPlacement).nonempty(),
  axes: z.array(
    z.strictObject({
      what: z.enum(['link-bandwidth', 'round-trip', 'cloud-speed']),
      unit: z.enum(['bytes-per-second', 'ms', 'times']),
      /** The quantity's value in this plan, in the same unit; of the bandwidth the upward one, the downward one in proportion. */
      current: z.number().nonnegative(),
      /** Ascending and without gaps. */
      pieces: z.array(envelopePiece).nonempty(),
    }),
  ),
});

export const planSchema = z
  .strictObject({
    ...headerOf('edgewise/plan'),
    /** Of a class: the one whose profile speaks for all. */
    device: z.string(),
    /** Where the plan is for a class of devices: its name, and who belongs to it. */
    class: z.string().optional(),
    devices: z.array(z.string()).nonempty().optional(),
    /** Those of `devices` without a profile of their own: what is predicted for them is estimated. */
    estimatedDevices: z.array(z.string()).optional(),
    cloud: z.string().nullable(),
    build: sha256Digest,
    /** Of the device's runtime; what the layer times were measured with. */
    threads: z.int().positive(),
    objective: z.literal('latency'),
    constraints: z.strictObject({
      keepRawInputOnDevice: z.boolean(),
      pins: z.array(z.strictObject({layers: z.string(), tier})),
    }),
    layers: z.array(
      z.strictObject({
        name: z.string(),
        operator: z.string(),
        tier,
        reason: layerReason,
        deviceMs: z.number().nonnegative(),
        cloudMs: z.number().nonnegative().nullable(),
      }),
    ),
    /** The edges between the layers; absent in plans that were made before plans had them. */
    tensors: z.array(exchangedTensor).optional(),
    cut: z.array(crossing),
    predicted: totals,
    /** Integer nanoseconds: a maximum flow equal to the cut's value proves that no placement is cheaper. */
    certificate: z.strictObject({flowNs: z.int().nonnegative(), cutNs: z.int().nonnegative()}),
    alternatives: z.array(
      z.strictObject({
        name: z.string(),
        predicted: totals.nullable(),
        verdict: z.enum(['chosen', 'slower', 'not-allowed']),
        reason: z.string(),
      }),
    ),
    /** Exact among all placements, not only among the alternatives; absent in plans without a cloud. */
    changes: z.array(answerChange).optional(),
    /** Absent in plans without a cloud. */
    envelope: envelope.optional(),
    refusals: z.array(z.strictObject({reason: z.string(), count: z.int().positive()})),
    isComplete: z.boolean(),
    isApplyable: z.boolean(),
  })
  .superRefine(checkPlanTensors)
  .superRefine(checkBoundary)
  .superRefine(checkPlanEnvelope);

export type Plan = z.infer<typeof planSchema>;
export type Envelope = z.infer<typeof envelope>;
export type EnvelopeAxis = Envelope['axes'][number];
export type PlanTotals = z.infer<typeof totals>;
export type ExchangedTensor = z.infer<typeof exchangedTensor>;
export type Crossing = z.infer<typeof crossing>;
export type LayerReason = z.infer<typeof layerReason>;
export type Tier = z.infer<typeof tier>;
