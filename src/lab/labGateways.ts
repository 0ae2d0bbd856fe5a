import {createServer, type AddressInfo} from 'node:net';
import type {LabLinks} from './labLinks.ts';
import type {LabMemory} from './labFiles.ts';
import type {LabSpec, LabState} from './labSpec.ts';
import type {LinkConditions} from './linkConditions.ts';

/** The link from devices straight to the cloud. */
export const CLOUD_LINK = 'cloud';

/** The link between a gateway's devices and the gateway has the gateway's name. */
export const linkToCloudOf = (gateway: string): string => `${gateway}-cloud`;

type LinkSpec = LabSpec['link'];

/** The same both ways. */
export function conditionsFrom({mbitPerSecond, roundTripMs, jitterMs = 0}: LinkSpec): LinkConditions {
  const bitsPerSecond = mbitPerSecond * 1e6;
  return {
    upBitsPerSecond: bitsPerSecond,
    downBitsPerSecond: bitsPerSecond,
    roundTripMs,
    jitterMs,
    isUp: true,
  };
}

/**
 * The links of the gateways: from their devices to where each gateway is to listen, and from each to the cloud. The ports
 * are remembered, so that a project stays true.
 */
export async function openGatewayLinks(
  gateways: NonNullable<LabSpec['gateways']>,
  {links, memory, cloudPort}: {links: LabLinks; memory: LabMemory; cloudPort: number | null},
): Promise<void> {
  const ports = (memory.gatewayPorts ??= {});
  for (const {name, deviceLink, cloudLink} of gateways) {
    const known = ports[name];
    const endpoint = known?.endpoint ?? (await findFreePort());
    const below = await links.open(name, conditionsFrom(deviceLink), endpoint, known?.fromDevices ?? 0);
    const above =
      cloudPort === null
        ? null
        : await links.open(linkToCloudOf(name), conditionsFrom(cloudLink), cloudPort, known?.toCloud ?? 0);
    ports[name] = {endpoint, fromDevices: below.port, ...(above === null ? {} : {toCloud: above.port})};
  }
}

/** What a lab's state says of its gateways. */
export function describeGateways(
  machines: LabState['devices'],
  {links, memory, hasCloud}: {links: LabLinks; memory: LabMemory; hasCloud: boolean},
): NonNullable<LabState['gateways']> {
  return machines.map(machine => ({
    ...machine,
    endpointPort: memory.gatewayPorts?.[machine.name]?.endpoint ?? 0,
    deviceLink: links.read(machine.name),
    cloudLink: hasCloud ? links.read(linkToCloudOf(machine.name)) : null,
  }));
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const {port} = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
