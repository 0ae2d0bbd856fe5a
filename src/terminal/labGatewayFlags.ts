import {boolean as booleanFlag, integer as integerFlag} from '@oclif/core/flags';
import {numberFlag} from './numberFlag.ts';

/** Of `lab up`: the gateways and the links below them. */
export const gatewayFlags = {
  gateways: integerFlag({
    description: 'how many gateways stand between the devices and the cloud; devices are dealt out to them',
    default: 0,
    min: 0,
  }),
  'gateway-slowdown': numberFlag({
    description: 'how many times slower than this machine the gateways are',
    default: 3,
    min: 1,
  }),
  'gateway-cores': integerFlag({description: 'cores of each gateway', default: 1, min: 1}),
  'gateway-mbit': numberFlag({
    description: 'rate of the link between a gateway and its devices, in Mbit/s',
    default: 100,
    min: 0.001,
  }),
  'gateway-rtt-ms': numberFlag({
    description: 'round-trip time of that link, in milliseconds',
    default: 1,
    min: 0,
  }),
  direct: booleanFlag({
    description: 'devices behind a gateway reach the cloud past it, too, over a link of their own',
    default: false,
  }),
};

/** As the lab's workflow takes them. */
export function gatewaysFromFlags(flags: {
  readonly gateways: number;
  readonly 'gateway-slowdown': number;
  readonly 'gateway-cores': number;
  readonly 'gateway-mbit': number;
  readonly 'gateway-rtt-ms': number;
  readonly 'link-mbit': number;
  readonly 'link-rtt-ms': number;
  readonly direct: boolean;
}) {
  return {
    count: flags.gateways,
    slowdown: flags['gateway-slowdown'],
    cores: flags['gateway-cores'],
    deviceLink: {mbitPerSecond: flags['gateway-mbit'], roundTripMs: flags['gateway-rtt-ms']},
    cloudLink: {mbitPerSecond: flags['link-mbit'], roundTripMs: flags['link-rtt-ms']},
    isCloudDirect: flags.direct,
  };
}
