import {z} from 'zod';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, ".", "_" or "-"');
const port = z.int().min(1).max(65535);

const device = z.strictObject({
  name,
  /** Host name, IP address, an alias from the SSH configuration, or `local` for this machine. */
  address: z.string().min(1),
  user: z.string().optional(),
  port: port.optional(),
  identityFile: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  /** Where the device's own programs find the model: loopback only. */
  endpointPort: port.optional(),
});

const cloud = z.strictObject({
  name,
  /** As seen from the devices. */
  url: z.url({protocol: /^https?$/}),
  /** As seen from here, for loading models; the same as `url` when left out. */
  managementUrl: z.url({protocol: /^https?$/}).optional(),
});

export const projectSchema = z.strictObject({
  kind: z.literal('edgewise/project'),
  formatVersion: z.literal(1),
  model: z.strictObject({
    file: z.string().min(1),
    /** Shape per input; fixes symbolic dimensions such as the batch. */
    inputs: z.record(z.string(), z.array(z.int().positive())).optional(),
  }),
  /** Labelled or unlabelled samples as .npy files; the first axis counts samples. */
  evaluation: z
    .strictObject({inputs: z.record(z.string(), z.string()), labels: z.string().optional()})
    .optional(),
  ssh: z.strictObject({configFile: z.string().optional(), knownHostsFile: z.string().optional()}).optional(),
  devices: z.array(device).min(1),
  clouds: z.array(cloud).optional(),
  objective: z.literal('latency').optional(),
  constraints: z.strictObject({keepRawInputOnDevice: z.boolean().optional()}).optional(),
});

export type Project = z.infer<typeof projectSchema>;
export type ProjectDevice = Project['devices'][number];
export type ProjectCloud = NonNullable<Project['clouds']>[number];
