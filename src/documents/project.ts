import {z} from 'zod';
import {accuracySchema} from './accuracyBudget.ts';
import {dataSourceSchema} from './dataSource.ts';
import {groupSchema, requestRate} from './groups.ts';
import {preprocessingSchema} from './preprocessing.ts';
import {constraintsSchema, egressField, objectiveSchema} from './goals.ts';
import {ENERGY_PER_BYTE, POWER, SHARE} from './quantities.ts';
import {quantityField} from './quantityField.ts';
import {SSH_TRANSPORTS} from './sshTransport.ts';
import {rolloutPolicySchema} from './rolloutPolicy.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, ".", "_" or "-"');
const port = z.int().min(1).max(65535);
const SERVICE_KINDS = ['auto', 'systemd', 'supervisor'] as const;

/** What keeps a device's agent alive. */
export type ServiceKind = (typeof SERVICE_KINDS)[number];

const target = z
  .string()
  .min(1)
  .optional()
  .describe('The hardware family to compile for, where it is not to be recognised from the profile.');

const device = z.strictObject({
  name,
  address: z
    .string()
    .min(1)
    .describe('Host name, IP address, an alias from the SSH configuration, or "local" for this machine.'),
  user: z.string().optional(),
  port: port.optional(),
  identityFile: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  target,
  requestRate: requestRate.optional(),
  service: z
    .enum(SERVICE_KINDS)
    .optional()
    .describe(
      'What keeps the agent alive: systemd where the device has it (auto), systemd or nothing, or its own supervisor.',
    ),
  endpointPort: port
    .optional()
    .describe("Where the device's own programs find the model: on its loopback interface only."),
  power: z
    .strictObject({
      compute: quantityField(POWER).describe('While it computes, such as "4 W".'),
      radio: quantityField(ENERGY_PER_BYTE)
        .optional()
        .describe('For what it sends and gets, such as "50 nJ/byte".'),
    })
    .optional()
    .describe('Declared, not measured: what energy is reckoned with.'),
  gateway: z.string().optional().describe('The gateway between the device and the cloud.'),
  reachesCloud: z
    .boolean()
    .optional()
    .describe('Whether the device reaches the cloud past its gateway, too; false when left out.'),
});

const gateway = z.strictObject({
  name,
  address: z
    .string()
    .min(1)
    .describe('Host name, IP address, an alias from the SSH configuration, or "local" for this machine.'),
  user: z.string().optional(),
  port: port.optional(),
  identityFile: z.string().optional(),
  target,
  url: z.url({protocol: /^https?$/}).describe("The gateway's endpoint, as seen from its devices."),
  listen: z
    .strictObject({
      address: z.string().min(1).optional().describe('127.0.0.1 when left out.'),
      port: port.optional().describe('The port of "url" when left out.'),
    })
    .optional()
    .describe('Where the endpoint listens on the gateway.'),
  cloudUrl: z
    .url({protocol: /^https?$/})
    .optional()
    .describe('The cloud as seen from the gateway, where that is not as seen from the devices.'),
});

const cloud = z.strictObject({
  name,
  url: z
    .url({protocol: /^https?$/})
    .describe('The server of the Open Inference Protocol, as seen from the devices.'),
  managementUrl: z
    .url({protocol: /^https?$/})
    .optional()
    .describe('The same server as seen from here, for loading models; "url" when left out.'),
  target: z
    .string()
    .min(1)
    .optional()
    .describe('The hardware family of its servers, whose builds it is profiled with.'),
  instances: z
    .int()
    .positive()
    .optional()
    .describe('Servers such as the one that is profiled, behind the URL: what the whole fleet shares.'),
  maxUtilization: quantityField(SHARE)
    .optional()
    .describe('How busy an instance may be when the fleet is busiest; "70 %" when left out.'),
  pricePerHour: z
    .string()
    .regex(/^\d+(\.\d+)? [A-Z]{3}$/, 'expected an amount and its currency, such as "0.35 EUR"')
    .optional()
    .describe('Of one instance, such as "0.35 EUR".'),
  egressPrice: egressField.optional(),
  region: z.string().min(1).optional().describe('Where it lies, for constraints that name regions.'),
});

export const projectSchema = z
  .strictObject({
    kind: z.literal('edgewise/project'),
    formatVersion: z.literal(1),
    model: z.strictObject({
      file: z.string().min(1).describe('The ONNX file, relative to this one.'),
      inputs: z
        .record(z.string(), z.array(z.int().positive()))
        .optional()
        .describe('Shape per input; fixes symbolic dimensions such as the batch.'),
    }),
    calibration: dataSourceSchema
      .optional()
      .describe('Samples that ranges are measured on: a path, or where each input comes from.'),
    evaluation: dataSourceSchema
      .optional()
      .describe(
        'Samples that builds are judged by, with labels or without: a path, or where each input comes from.',
      ),
    preprocessing: preprocessingSchema
      .optional()
      .describe('From the pixels of images to the values that the model takes; a preset, or step by step.'),
    accuracy: accuracySchema.optional(),
    ssh: z
      .strictObject({
        configFile: z.string().optional(),
        knownHostsFile: z.string().optional(),
        transport: z
          .enum(SSH_TRANSPORTS)
          .optional()
          .describe(
            '"openssh": by the ssh of this machine; "ssh2", which comes with edgewise, when left out.',
          ),
      })
      .optional(),
    retention: z
      .int()
      .min(1)
      .optional()
      .describe(
        'How many releases a device keeps, the current and the previous one in any case; 3 when left out.',
      ),
    devices: z.array(device).min(1),
    groups: z
      .array(groupSchema(name))
      .optional()
      .describe('Device classes by label. Devices in none of them are put together by likeness.'),
    requestRate: requestRate.optional(),
    gateways: z.array(gateway).optional(),
    clouds: z.array(cloud).optional(),
    fallback: z
      .enum(['device', 'none'])
      .optional()
      .describe(
        'Who answers when the gateway or the cloud is gone: the device, which then gets all layers, or nobody; "device" when left out.',
      ),
    movesCut: z
      .boolean()
      .optional()
      .describe(
        'Whether releases carry the cuts that are the best at other bandwidths, and the device moves between them as its link to the cloud changes; true when left out.',
      ),
    objective: objectiveSchema.optional(),
    constraints: constraintsSchema.optional(),
    rollout: rolloutPolicySchema
      .optional()
      .describe(
        'How a release comes to the fleet: in which waves, and what must be measured before the next one.',
      ),
  })
  .superRefine(({devices, gateways = [], clouds = [], groups = []}, context) => {
    // Profiles and plans are files named after their machine or group, so no two of them can share a name.
    const seen = new Set<string>();
    const check = (machines: readonly {name: string}[], key: string): void =>
      machines.forEach((machine, index) => {
        if (seen.has(machine.name))
          context.addIssue({
            code: 'custom',
            path: [key, index, 'name'],
            message: 'expected a name that no other device, gateway, cloud or group has',
            input: machine.name,
          });
        seen.add(machine.name);
      });
    check(devices, 'devices');
    check(gateways, 'gateways');
    check(clouds, 'clouds');
    check(groups, 'groups');
    devices.forEach(({gateway: wanted}, index) => {
      if (wanted === undefined || gateways.some(({name: known}) => known === wanted)) return;
      const known = gateways.map(({name: one}) => one).join(', ');
      context.addIssue({
        code: 'custom',
        path: ['devices', index, 'gateway'],
        message: known === '' ? 'expected a gateway, and there are none' : `expected a gateway: ${known}`,
        input: wanted,
      });
    });
  });

export type Project = z.infer<typeof projectSchema>;
export type ProjectDevice = Project['devices'][number];
export type ProjectGateway = NonNullable<Project['gateways']>[number];
export type ProjectCloud = NonNullable<Project['clouds']>[number];
