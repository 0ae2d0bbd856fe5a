import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {startLinkRelay} from '../../src/lab/linkRelay.ts';
import {openProtocolClient} from '../../src/runtime/client.ts';
import {exchangeDirectly} from '../../src/runtime/measure/exchanges.ts';
import {measureLink} from '../../src/runtime/measure/measureLink.ts';
import {startServer, type Server} from '../../src/runtime/server/startServer.ts';

let folder: string;
let server: Server;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-link-'));
  server = await startServer({
    host: '127.0.0.1',
    port: 0,
    modelRepository: folder,
    allowModelControl: false,
    threads: 1,
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, {recursive: true, force: true});
});

/** A direction taken for the other, bits for bytes or a round trip too many are further off; a busy machine is not. */
const TOLERANCE = 0.35;

describe('the measured link', () => {
  it.each([
    ['a mobile link', 2e6, 8e6, 60],
    ['a home link', 20e6, 50e6, 40],
  ])(
    'is that of %s, and tells the time of a request that was not measured',
    // A machine that stands still for a moment is not the link's; what is wrong is wrong each time.
    {retry: 2},
    async (_, upBitsPerSecond, downBitsPerSecond, roundTripMs) => {
      const relay = await startLinkRelay({
        targetHost: '127.0.0.1',
        targetPort: server.port,
        upBitsPerSecond,
        downBitsPerSecond,
        roundTripMs,
      });
      const client = openProtocolClient(`http://127.0.0.1:${relay.port}`);
      try {
        const link = await measureLink(exchangeDirectly(client), {budgetMs: 5000});
        expect(Math.abs((link.upBytesPerSecond * 8) / upBitsPerSecond - 1)).toBeLessThan(TOLERANCE);
        expect(Math.abs((link.downBytesPerSecond * 8) / downBitsPerSecond - 1)).toBeLessThan(TOLERANCE);
        expect(link.roundTripMs).toBeGreaterThan(roundTripMs * 0.98);
        expect(link.roundTripMs).toBeLessThan(roundTripMs * 1.9);

        const [upBytes, downBytes] = [50_000, 20_000];
        const data = {elementType: 'uint8', shape: [upBytes], bytes: new Uint8Array(upBytes)} as const;
        const measuredMs: number[] = [];
        for (let i = 0; i < 5; i++) {
          const answer = await client.infer('edgewise.echo', {
            inputs: {data},
            parameters: {reply_bytes: downBytes},
          });
          measuredMs.push(answer.wallMs);
        }
        const median = measuredMs.sort((a, b) => a - b)[2]!;
        const predictedMs =
          link.fixedMs +
          (1000 * upBytes) / link.upBytesPerSecond +
          (1000 * downBytes) / link.downBytesPerSecond;
        expect(Math.abs(predictedMs / median - 1)).toBeLessThan(TOLERANCE);
      } finally {
        client.close();
        await relay.close();
      }
    },
  );
});
