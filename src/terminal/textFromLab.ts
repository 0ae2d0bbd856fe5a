import {formatBytes} from './formatNumbers.ts';

interface LinkRates {
  readonly upBitsPerSecond: number;
  readonly downBitsPerSecond: number;
  readonly roundTripMs: number;
}

/** The parts of a lab's state that people want to see. */
export interface ShownLab {
  readonly sshConfigFile: string;
  readonly devices: readonly {
    readonly name: string;
    readonly slowdown: number;
    readonly cores: number;
    readonly port: number;
  }[];
  readonly ownsCores?: boolean | undefined;
  readonly gateways?:
    | readonly {
        readonly name: string;
        readonly slowdown: number;
        readonly cores: number;
        readonly port: number;
        readonly deviceLink: LinkRates;
        readonly cloudLink: LinkRates | null;
      }[]
    | undefined;
  readonly link: LinkRates;
  readonly cloud: {readonly url: string; readonly managementUrl: string} | null;
}

/** The parts of a link's state that people want to see. */
export interface ShownLink {
  readonly upBitsPerSecond: number;
  readonly downBitsPerSecond: number;
  readonly roundTripMs: number;
  readonly isUp: boolean;
  readonly upBytes: number;
  readonly downBytes: number;
}

export function textFromLink(link: ShownLink): string {
  const {upBitsPerSecond, downBitsPerSecond, roundTripMs, isUp, upBytes, downBytes} = link;
  return [
    `${upBitsPerSecond / 1e6} Mbit/s up, ${downBitsPerSecond / 1e6} Mbit/s down, ${roundTripMs} ms round trip${isUp ? '' : '; the plug is pulled'}`,
    `${formatBytes(upBytes)} up and ${formatBytes(downBytes)} down since the lab started`,
  ].join('\n');
}

export function textFromLab(lab: ShownLab): string {
  const {link, cloud, gateways = []} = lab;
  return [
    ...lab.devices.map(device => `device ${textFromMachine(device)}`),
    ...gateways.flatMap(gateway => [
      `gateway ${textFromMachine(gateway)}`,
      `link ${gateway.name}: ${textFromRates(gateway.deviceLink)}, to its devices`,
      ...(gateway.cloudLink === null
        ? []
        : [`link ${gateway.name}-cloud: ${textFromRates(gateway.cloudLink)}`]),
    ]),
    ...(lab.ownsCores === true ? ['their cores are taken from them: nothing else should run on those'] : []),
    `link: ${textFromRates(link)}`,
    ...(cloud === null ? [] : [`cloud: ${cloud.url} through the link, ${cloud.managementUrl} past it`]),
    `ssh -F ${lab.sshConfigFile} ${lab.devices[0]?.name ?? 'DEVICE'} reaches a device by hand`,
  ].join('\n');
}

function textFromMachine({name, slowdown, cores, port}: ShownLab['devices'][number]): string {
  return `${name}: ${slowdown} times slower than this machine, ${cores} ${cores === 1 ? 'core' : 'cores'}, SSH on 127.0.0.1:${port}`;
}

function textFromRates({upBitsPerSecond, downBitsPerSecond, roundTripMs}: LinkRates): string {
  return `${upBitsPerSecond / 1e6} Mbit/s up, ${downBitsPerSecond / 1e6} Mbit/s down, ${roundTripMs} ms round trip`;
}
