import {afterAll, beforeAll, expect, it} from 'vitest';
import type {Machine} from '../../src/device/machine.ts';
import {startOwnEndpoint} from '../../src/runtime/measure/ownEndpoint.ts';
import {ECHO_MODEL, makeEchoModel} from '../../src/runtime/server/echoModel.ts';
import {timeUntilTold, withTimedEndpoint} from '../../src/workflows/deploy/servingTimes.ts';
import {hexOfDigest} from '../../src/workspace/digest.ts';
import {startCuttingRelay} from './cuttingRelay.ts';
import {connectLocal, openWorkshop, runningThrough, type Workshop} from './deployDevice.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const RUNS = 20;
/** Those that warm up come on top. */
const ASKED = RUNS + 3;

/** Times requests of so many bytes: how many there were, how often the endpoint was asked, and what crossed the connection. */
async function timeRequestsOf(inputBytes: number) {
  let asked = 0;
  const echo = makeEchoModel();
  const endpoint = await startOwnEndpoint([
    {
      ...echo,
      infer(request) {
        asked++;
        return echo.infer({...request, parameters: {reply_bytes: 4}});
      },
    },
  ]);
  const counting = new Set<Awaited<ReturnType<typeof startCuttingRelay>>>();
  const local = await connectLocal(workshop.template, {});
  const argvs: string[][] = [];
  const machine: Machine = {
    ...runningThrough(local, (argv, options) => {
      argvs.push([...argv]);
      return local.run(argv, options);
    }),
    async openTunnel(port) {
      const tunnel = await local.openTunnel(port);
      const relay = await startCuttingRelay(tunnel.localPort);
      counting.add(relay);
      return {localPort: relay.port, close: () => tunnel.close()};
    },
  };
  const program = {home: workshop.template, runtimeHex: hexOfDigest(workshop.runtime.digest)};
  const data = {elementType: 'uint8', shape: [inputBytes], bytes: new Uint8Array(inputBytes)} as const;
  try {
    const place = {program, port: endpoint.port, inputs: {data}};
    const timesMs = await withTimedEndpoint(machine, place, client =>
      timeUntilTold(client, ECHO_MODEL, {data}, {runs: RUNS, isTold: () => true}),
    );
    const wireBytes = [...counting].reduce((sum, relay) => sum + relay.wireBytes(), 0);
    return {timesMs, asked, wireBytes, programs: argvs.map(argv => argv[2])};
  } finally {
    for (const relay of counting) await relay.close();
    await local.close();
    await endpoint.close();
  }
}

it('sends a large input once, which a program on the device asks with again and again', async () => {
  const {timesMs, asked, wireBytes, programs} = await timeRequestsOf(400_000);
  expect(timesMs).toHaveLength(RUNS);
  for (const ms of timesMs) expect(ms).toBeGreaterThan(0);
  expect(asked).toBe(ASKED);
  expect(wireBytes).toBeGreaterThan(400_000);
  expect(wireBytes).toBeLessThan(410_000);
  expect(programs).toEqual(['relay']);
});

it('starts no program on the device for a small one', async () => {
  const {timesMs, asked, wireBytes, programs} = await timeRequestsOf(1000);
  expect(timesMs).toHaveLength(RUNS);
  expect(asked).toBe(ASKED);
  expect(wireBytes).toBeGreaterThan(ASKED * 1000);
  expect(programs).toEqual([]);
});
