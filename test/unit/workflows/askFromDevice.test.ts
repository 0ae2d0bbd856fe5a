import {expect, it} from 'vitest';
import type {Machine, RunOptions} from '../../../src/device/machine.ts';
import {askFromDevice} from '../../../src/workflows/askFromDevice.ts';

const PROGRAM = {home: '/home/pi', runtimeHex: 'ab'.repeat(32)};

/** A device that remembers what it was asked for; `runs` is what its command does. */
function deviceThat(runs: (options: RunOptions) => Promise<number>): {
  machine: Machine;
  argvs: string[][];
  tunnels: number[];
} {
  const argvs: string[][] = [];
  const tunnels: number[] = [];
  const machine: Machine = {
    name: 'pi',
    address: 'pi',
    async run(argv, options = {}) {
      argvs.push([...argv]);
      const exitStatus = await runs(options);
      return {argv, exitStatus, signal: null, stdout: '', stderr: ''};
    },
    upload: () => Promise.reject(new Error('nothing is uploaded')),
    download: () => Promise.reject(new Error('nothing is downloaded')),
    openTunnel(remotePort) {
      tunnels.push(remotePort);
      return Promise.resolve({localPort: 1, close: () => Promise.resolve()});
    },
    askForwarding: () => Promise.reject(new Error('nothing is forwarded')),
    close: () => Promise.resolve(),
  };
  return {machine, argvs, tunnels};
}

it('reaches the endpoint by way of a program on the device', async () => {
  let end = (): void => {};
  const {machine, argvs, tunnels} = deviceThat(async ({onStderrLine}) => {
    onStderrLine?.('{"port":40123}');
    await new Promise<void>(resolve => (end = resolve));
    return 0;
  });
  const asker = await askFromDevice(machine, PROGRAM, 8701);
  expect(tunnels).toEqual([40123]);
  expect(asker.pauseMs).toBeGreaterThan(0);
  expect(argvs[0]).toEqual([
    `/home/pi/.edgewise/runtime/${'ab'.repeat(32)}/bin/node`,
    `/home/pi/.edgewise/runtime/${'ab'.repeat(32)}/edgewise.mjs`,
    ...['relay', '--port', '8701', '--pause-ms', String(asker.pauseMs)],
  ]);
  end();
  await asker.close();
});

it('asks through the connection where the runtime is too old to pass requests on', async () => {
  const {machine, tunnels} = deviceThat(({onStderrLine}) => {
    onStderrLine?.('{"error":{"code":"wrong-usage","message":"There is no command \\"relay\\"","hints":[]}}');
    return Promise.resolve(2);
  });
  const asker = await askFromDevice(machine, PROGRAM, 8701);
  expect(tunnels).toEqual([8701]);
  expect(asker.pauseMs).toBe(0);
  await asker.close();
});

it('does not wait for a program that will not end', {timeout: 20_000}, async () => {
  const {machine} = deviceThat(async ({onStderrLine}) => {
    onStderrLine?.('{"port":40123}');
    return new Promise<number>(() => {});
  });
  const asker = await askFromDevice(machine, PROGRAM, 8701);
  await asker.close();
});

it('asks through the connection where the program does not come up, and does not wait for it at the end', async () => {
  const {machine, tunnels} = deviceThat(() => new Promise<number>(() => {}));
  const keepsAwake = setInterval(() => {}, 1000);
  const asker = await askFromDevice(machine, PROGRAM, 8701, {startingMs: 50});
  expect(tunnels).toEqual([8701]);
  expect(asker.pauseMs).toBe(0);
  await asker.close();
  clearInterval(keepsAwake);
});
