import {formatBytes} from './formatNumbers.ts';

/** The parts of a lab's state that people want to see. */
export interface ShownLab {
  readonly sshConfigFile: string;
  readonly devices: readonly {
    readonly name: string;
    readonly slowdown: number;
    readonly cores: number;
    readonly port: number;
  }[];
  readonly link: {
    readonly upBitsPerSecond: number;
    readonly downBitsPerSecond: number;
    readonly roundTripMs: number;
  };
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
  const {link, cloud} = lab;
  return [
    ...lab.devices.map(
      ({name, slowdown, cores, port}) =>
        `device ${name}: ${slowdown} times slower than this machine, ${cores} ${cores === 1 ? 'core' : 'cores'}, SSH on 127.0.0.1:${port}`,
    ),
    `link: ${link.upBitsPerSecond / 1e6} Mbit/s up, ${link.downBitsPerSecond / 1e6} Mbit/s down, ${link.roundTripMs} ms round trip`,
    ...(cloud === null ? [] : [`cloud: ${cloud.url} through the link, ${cloud.managementUrl} past it`]),
    `ssh -F ${lab.sshConfigFile} ${lab.devices[0]?.name ?? 'DEVICE'} reaches a device by hand`,
  ].join('\n');
}
