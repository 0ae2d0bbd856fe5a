import {z} from 'zod';
import {BOUNDARY_PRECISIONS} from './boundary.ts';
import {headerOf, sha256Digest} from './header.ts';
import {PRECISIONS} from './precisions.ts';

export const obtained = z.enum(['measured', 'estimated', 'declared']);

/** A repeated measurement: median and median absolute deviation over `runs`. */
export const measuredMs = z.strictObject({
  medianMs: z.number().nonnegative(),
  spreadMs: z.number().nonnegative(),
  runs: z.int().positive(),
  obtained,
});

const hardware = z.strictObject({
  architecture: z.string(),
  cpuModel: z.string(),
  cores: z.int().positive(),
  cpuFeatures: z.array(z.string()),
  memoryBytes: z.int().nonnegative(),
  freeDiskBytes: z.int().nonnegative(),
  operatingSystem: z.string(),
  kernel: z.string(),
  libc: z.strictObject({name: z.string(), version: z.string()}),
  /** As the device tree says; PCs have none. */
  board: z.strictObject({model: z.string(), compatible: z.array(z.string())}).optional(),
  /** Version of NVIDIA's system for Jetson boards. */
  linuxForTegra: z.string().optional(),
  nvidiaDriver: z.string().optional(),
  /** Version of the library. */
  tensorrt: z.string().optional(),
  /** Compilers, benchmarks and runtimes of accelerators, by file name, with their paths. */
  tools: z.record(z.string(), z.string()).optional(),
});

const change = z.strictObject({start: z.number(), end: z.number()});

const modelTimes = z.strictObject({
  /** Digest of the prepared model whose layers these are. */
  build: sha256Digest,
  /** Of a build of lower precision: whose layers `layers` names all the same, the prepared model's. */
  lowered: z.strictObject({of: sha256Digest, precision: z.enum(PRECISIONS)}).optional(),
  threads: z.int().positive(),
  /** One whole, unprofiled run inside the serving process. */
  wholeRun: measuredMs,
  /**
   * Kernel times from the runtime's profiler, scaled so that they sum to the whole run and, where that was told apart, to
   * what they need longer inside a request.
   */
  layers: z.array(z.strictObject({name: z.string(), operator: z.string(), ms: z.number().nonnegative()})),
  /** What one request costs in the endpoint besides running the model: parsing, copying, answering. */
  requestOverhead: measuredMs,
  /** What a request costs on top when any layer runs here: handing tensors to the session and back, colder caches. */
  sessionOverhead: measuredMs,
  /**
   * Runs without a pause: how much slower the last of them were than the first, as on a board that gets hot. Left out
   * where it was not measured.
   */
  sustained: z
    .strictObject({
      slowdown: z.number().positive(),
      seconds: z.number().positive(),
      runs: z.int().positive(),
      celsius: change.optional(),
      megahertz: change.optional(),
      obtained,
    })
    .optional(),
});

const link = z.strictObject({
  to: z.string(),
  /** time = fixed + up / upBytesPerSecond + down / downBytesPerSecond, fitted to requests of several sizes. */
  fixedMs: z.number().nonnegative(),
  roundTripMs: z.number().nonnegative(),
  upBytesPerSecond: z.number().positive(),
  downBytesPerSecond: z.number().positive(),
  residualMs: z.number().nonnegative(),
  samples: z.int().positive(),
  obtained,
  /**
   * What a cut costs besides the link and the layers: handing what layers here made to the link. `fixedMs` once, and
   * `nsPerByte` for what goes up. Left out where it was not measured, as over a link that is slow beside it.
   */
  handover: z
    .strictObject({
      fixedMs: z.number().nonnegative(),
      nsPerByte: z.number().nonnegative(),
      samples: z.int().positive(),
      obtained,
    })
    .optional(),
});

/** What one value of a tensor that crosses costs in each precision: to encode on a device, to decode in a cloud. */
const codecCost = z.strictObject({
  precision: z.enum(BOUNDARY_PRECISIONS),
  nsPerValue: z.number().nonnegative(),
  runs: z.int().positive(),
  obtained,
});

/** What packing a byte that goes up costs on a device, or unpacking it in a cloud. */
const packingCost = z.strictObject({
  nsPerByte: z.number().nonnegative(),
  runs: z.int().positive(),
  obtained,
});

export const profileSchema = z.strictObject({
  ...headerOf('edgewise/profile'),
  machine: z.strictObject({
    name: z.string(),
    tier: z.enum(['device', 'gateway', 'cloud']),
    address: z.string(),
  }),
  /** Absent for a cloud, which is reached through its protocol only. */
  hardware: hardware.optional(),
  runtime: z.strictObject({onnxruntime: z.string(), node: z.string(), digest: sha256Digest.optional()}),
  models: z.array(modelTimes),
  links: z.array(link),
  /** Absent in profiles that were made before this was measured: then tensors cross as they are. */
  codecs: z.array(codecCost).optional(),
  /** Absent where it was not measured, or the cloud takes no packed bodies: then they are not packed. */
  packing: packingCost.optional(),
});

export type Profile = z.infer<typeof profileSchema>;
export type Hardware = z.infer<typeof hardware>;
export type ModelTimes = z.infer<typeof modelTimes>;
export type Link = z.infer<typeof link>;
export type PackingCost = z.infer<typeof packingCost>;
export type CodecCost = z.infer<typeof codecCost>;
export type MeasuredMs = z.infer<typeof measuredMs>;
