import {mkdtemp, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {
  readLabLinkStatistics,
  readLabStatus,
  setLabLink,
  startLab,
  stopLab,
  type LabSpec,
  type LabState,
} from '../../src/lab/lab.ts';

/** A cloud as small as can be: an HTTP server that tells its port. */
const CLOUD = `const server = require('node:http').createServer((request, response) => response.end('cloud'));
server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log(JSON.stringify({port: server.address().port})));
process.stdin.resume().on('end', () => {});`;

const SPEC: LabSpec = {
  devices: [{name: 'pi-1', slowdown: 1, cores: 1}],
  gateways: [1, 2].map(index => ({
    name: `gateway-${index}`,
    slowdown: 1,
    cores: 1,
    deviceLink: {mbitPerSecond: 100 * index, roundTripMs: 1},
    cloudLink: {mbitPerSecond: 10, roundTripMs: 20},
  })),
  link: {mbitPerSecond: 5, roundTripMs: 40},
  cloudCommand: [process.execPath, '-e', CLOUD, '{port}'],
};

let directory: string;
let endpoint: Server | null = null;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'edgewise-lab-gateways-')), 'lab');
});
afterEach(async () => {
  endpoint?.close();
  await stopLab(directory);
  await rm(join(directory, '..'), {recursive: true, force: true});
});

const fetchFrom = async (port: number): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}/`, {headers: {connection: 'close'}})).text();

const gatewaysOf = ({gateways}: LabState): NonNullable<LabState['gateways']> => gateways ?? [];

it('gateways have links of their own to devices and cloud, which lead there and are changed by name', async () => {
  const {state} = await startLab(SPEC, {directory});
  expect(state.devices.map(({name}) => name)).toEqual(['pi-1']);
  const [first, second] = gatewaysOf(state);
  expect([first!.name, first!.deviceLink.upBitsPerSecond]).toEqual(['gateway-1', 100e6]);
  expect([second!.name, second!.deviceLink.upBitsPerSecond]).toEqual(['gateway-2', 200e6]);
  expect(await fetchFrom(first!.cloudLink!.port)).toBe('cloud');

  endpoint = createServer((_, response) => response.end('endpoint of the second'));
  await new Promise<void>(resolve => endpoint!.listen(second!.endpointPort, '127.0.0.1', resolve));
  expect(await fetchFrom(second!.deviceLink.port)).toBe('endpoint of the second');
  expect((await readLabLinkStatistics(directory, 'gateway-2'))?.totalConnections).toBe(1);
  expect((await readLabLinkStatistics(directory, 'gateway-1'))?.totalConnections).toBe(0);

  await setLabLink(directory, {roundTripMs: 7}, 'gateway-2-cloud');
  await setLabLink(directory, {upBitsPerSecond: 1e6}, 'gateway-1');
  const status = await readLabStatus(directory);
  if (status.kind !== 'running') throw new Error('the lab does not run');
  const after = gatewaysOf(status.state);
  expect(after.map(({cloudLink}) => cloudLink!.roundTripMs)).toEqual([20, 7]);
  expect(after.map(({deviceLink}) => deviceLink.upBitsPerSecond)).toEqual([1e6, 200e6]);
  // The link without a name is the devices' own to the cloud, as in a lab without gateways.
  expect(status.state.link).toMatchObject({upBitsPerSecond: 5e6, roundTripMs: 40});
  await expect(setLabLink(directory, {isUp: false}, 'gateway-3')).rejects.toThrow(
    'The lab has no link gateway-3; it has: cloud, gateway-1, gateway-1-cloud, gateway-2, gateway-2-cloud.',
  );
});

it('ports stay the same from one lab to the next, so that a project stays true', async () => {
  const before = (await startLab(SPEC, {directory})).state;
  await stopLab(directory);
  const after = (await startLab(SPEC, {directory})).state;
  const portsOf = (state: LabState) =>
    gatewaysOf(state).map(({port, endpointPort, deviceLink, cloudLink}) => [
      port,
      endpointPort,
      deviceLink.port,
      cloudLink?.port,
    ]);
  expect(portsOf(after)).toEqual(portsOf(before));
});

it('a gateway may not be called like a device', async () => {
  const gateways = SPEC.gateways!.map(gateway => ({...gateway, name: 'pi-1'})).slice(0, 1);
  await expect(startLab({...SPEC, gateways}, {directory})).rejects.toMatchObject({code: 'lab-spec-invalid'});
});
