import {z} from 'zod';
import {checkBoundary, travelFields} from './boundary.ts';
import {ELEMENT_TYPES} from './elementTypes.ts';
import {checkPlanTiers, tier} from './planTiers.ts';
import {headerOf, sha256Digest} from './header.ts';
import {checkPlanEnvelope} from './planEnvelope.ts';
import {checkPlanOutlook, planOutlookSchema} from './planOutlook.ts';
import {planParetoSchema} from './planPareto.ts';
import {planPrecisionSchema} from './planPrecision.ts';
import {planPricesSchema} from './planPrices.ts';
import {checkPlanTensors} from './planTensors.ts';
import {money, totals} from './planTotals.ts';
import {planVerificationSchema} from './planVerification.ts';

/** What is made as small as possible; weights are per unit of each. */
const objective = z.union([
  z.enum(['latency', 'energy', 'money', 'throughput']),
  z.strictObject({
    latencyPerMs: z.number().nonnegative().optional(),
    energyPerMillijoule: z.number().nonnegative().optional(),
    moneyPerUnit: z.number().nonnegative().optional(),
  }),
]);

/** What every placement that was considered keeps to. */
const constraints = z.strictObject({
  keepRawInputOnDevice: z.boolean(),
  pins: z.array(z.strictObject({layers: z.string(), tier})),
  /** Left out in plans that were made before data could come back to be read: one-way. */
  direction: z.enum(['one-way', 'two-way']).optional(),
  maxLatencyMs: z.number().nonnegative().optional(),
  maxEnergyMillijoules: z.number().nonnegative().optional(),
  maxMoney: money.optional(),
  /** What weights, activations and buffers may take together. */
  memory: z.array(z.strictObject({tier, bytes: z.int().nonnegative()})).optional(),
  minDeviceLayers: z.int().nonnegative().optional(),
  /** The regions that clouds may lie in. */
  regions: z.array(z.string()).optional(),
});

/**
 * Whole units: a maximum flow, or the best bound of a search, proves that no placement is below `bound`; `cut` is what this one
 * costs. Of a weighted sum the unit is a millionth of the weights' own.
 */
const certificate = z.union([
  z.strictObject({
    unit: z.enum(['ns', 'nJ', 'pico-money', 'micro-weight']),
    flow: z.int().nonnegative(),
    cut: z.int().nonnegative(),
    bound: z.int().nonnegative(),
    isOptimal: z.boolean(),
  }),
  /** As plans said it before there were other objectives than latency. */
  z.strictObject({flowNs: z.int().nonnegative(), cutNs: z.int().nonnegative()}),
]);

const estimated = z.strictObject({
  /** How likely what is measured later lies within the interval. */
  share: z.number(),
  latencyMs: z.strictObject({low: z.number(), high: z.number().nonnegative()}),
  machines: z.array(
    z.strictObject({
      machine: z.string(),
      /** The measured models that the estimate rests on. */
      models: z.array(z.string()),
      /** Of the whole model's time on that machine. */
      lowFactor: z.number().nonnegative(),
      highFactor: z.number().nonnegative(),
    }),
  ),
});

/** Why a layer is where it is. */
export const layerReason = z.enum([
  'faster-here',
  'saves-transfer',
  'pinned-by-user',
  'keeps-raw-input-on-device',
  'no-cloud',
  'keeps-within-limits',
  'costs-less-here',
  'keeps-rate',
  /** Predicted to be better elsewhere, and measured to be better here. */
  'measured',
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
  /** One row per link that the tensor takes; absent in plans that were made before there were gateways. */
  from: tier.optional(),
  to: tier.optional(),
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
  /** All that the link takes of it, the transfer included; absent in plans that were made before cuts could move. */
  linkMs: z.number().nonnegative().optional(),
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
  /**
   * Whether no other placement is the best at any values of all axes together, however they are combined; absent in plans that
   * were made before that was looked for.
   */
  isComplete: z.boolean().optional(),
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
    /** Where layer times were not measured but estimated from other models on the same kind of machine. */
    estimated: estimated.optional(),
    cloud: z.string().nullable(),
    /** The tiers that layers may be on, in the order in which data rises; absent in plans older than this. */
    tiers: z.array(z.strictObject({tier, machine: z.string()})).optional(),
    build: sha256Digest,
    /** Of the device's runtime; what the layer times were measured with. */
    threads: z.int().positive(),
    objective,
    constraints,
    layers: z.array(
      z.strictObject({
        name: z.string(),
        operator: z.string(),
        tier,
        reason: layerReason,
        deviceMs: z.number().nonnegative(),
        /** Absent without a gateway; `null`: cannot run there. */
        gatewayMs: z.number().nonnegative().nullable().optional(),
        cloudMs: z.number().nonnegative().nullable(),
      }),
    ),
    /** The edges between the layers; absent in plans that were made before plans had them. */
    tensors: z.array(exchangedTensor).optional(),
    cut: z.array(crossing),
    predicted: totals,
    certificate,
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
    /** Of plans for other goals, within limits or over a gateway: what `envelope` is for all others. */
    outlook: planOutlookSchema.optional(),
    /** Absent where no price was declared. */
    prices: planPricesSchema.optional(),
    /** Where it was asked for. */
    pareto: planParetoSchema.optional(),
    /** Absent where nothing but the tensors as they are was planned with. */
    precision: planPrecisionSchema.optional(),
    /** Where it was asked for: what decided between the best candidates was measured. */
    verified: planVerificationSchema.optional(),
    refusals: z.array(z.strictObject({reason: z.string(), count: z.int().positive()})),
    isComplete: z.boolean(),
    isApplyable: z.boolean(),
  })
  .superRefine(checkPlanTiers)
  .superRefine(checkPlanTensors)
  .superRefine(checkBoundary)
  .superRefine(checkPlanEnvelope)
  .superRefine(checkPlanOutlook);

export type Plan = z.infer<typeof planSchema>;
export type Envelope = z.infer<typeof envelope>;
export type EnvelopeAxis = Envelope['axes'][number];
export type {PlanTotals} from './planTotals.ts';
export type ExchangedTensor = z.infer<typeof exchangedTensor>;
export type Crossing = z.infer<typeof crossing>;
export type LayerReason = z.infer<typeof layerReason>;
export type {Tier} from './planTiers.ts';
export type PlanObjective = z.infer<typeof objective>;
export type PlanCertificate = z.infer<typeof certificate>;
