import {z} from 'zod';

const machine = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, ".", "_" or "-"'),
  /** How many times slower than this machine. */
  slowdown: z.number().min(1).max(1000),
  cores: z.int().min(1).max(1024),
});

const link = z.strictObject({
  mbitPerSecond: z.number().positive(),
  roundTripMs: z.number().min(0),
  jitterMs: z.number().min(0).optional(),
});

/** What a lab emulates. */
export const labSpecSchema = z.strictObject({
  devices: z.array(machine).min(1),
  gateways: z.array(z.strictObject({...machine.shape, deviceLink: link, cloudLink: link})).optional(),
  /** Whether devices are slowed by taking their cores from them, which then nothing else may use; `false` when left out. */
  ownsCores: z.boolean().optional(),
  /** From the devices straight to the cloud. */
  link,
  /**
   * Argv of the cloud server, or `null` for a lab without a cloud. It must print a JSON line with its `port` on stdout.
   * An argument `{port}` is replaced by the port it had the last time, or 0.
   */
  cloudCommand: z.array(z.string()).min(1).nullable(),
});

export type LabSpec = z.infer<typeof labSpecSchema>;

const port = z.int().min(1).max(65535);

const startedMachine = {
  name: z.string(),
  slowdown: z.number(),
  cores: z.int(),
  host: z.string(),
  port,
  user: z.string(),
  home: z.string(),
};

const linkConditions = {
  upBitsPerSecond: z.number(),
  downBitsPerSecond: z.number(),
  roundTripMs: z.number(),
  jitterMs: z.number(),
  isUp: z.boolean(),
};

/** `state.json`: what runs, for those who use the lab. */
export const labStateSchema = z.strictObject({
  kind: z.literal('edgewise/lab'),
  formatVersion: z.literal(1),
  /** In the environment of every process of the lab, as EDGEWISE_LAB. */
  id: z.string(),
  /** The daemon; with the start time (clock ticks since boot) it names one process for good. */
  pid: z.int(),
  startTime: z.int(),
  startedAt: z.string(),
  sshConfigFile: z.string(),
  knownHostsFile: z.string(),
  identityFile: z.string(),
  devices: z.array(z.strictObject(startedMachine)),
  /** Whether their cores are taken from them; `false` when left out. */
  ownsCores: z.boolean().optional(),
  /** Absent where the state is of a lab without any. */
  gateways: z
    .array(
      z.strictObject({
        ...startedMachine,
        /** Where the gateway's endpoint is to listen. */
        endpointPort: port,
        deviceLink: z.strictObject({port, ...linkConditions}),
        cloudLink: z.strictObject({port, ...linkConditions}).nullable(),
      }),
    )
    .optional(),
  link: z.strictObject({port: port.nullable(), ...linkConditions}),
  cloud: z
    .strictObject({
      /** As the devices see it: through the link. */
      url: z.string(),
      /** Past the link. */
      managementUrl: z.string(),
      pid: z.int().nullable(),
    })
    .nullable(),
});

export type LabState = z.infer<typeof labStateSchema>;
