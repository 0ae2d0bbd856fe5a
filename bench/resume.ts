/**
 * What of a push crosses the link, counted in front of a real sshd: with resets at random bytes, of what is there
 * already, and of a release that shares all but some tensors with one that is there.
 * Usage: npm run bench:resume [-- --megabytes 200 --cuts 10 --megabits 200 --round-trip 20 --bits 8]
 * With fewer random bits than 8 in each byte it can be compressed; what counts then is what crosses without resets.
 * Bars (issue 5): at most 1.05 times the bytes with ten resets; at most 64 KiB for the same again; only what moved + 2 %.
 */
import {randomBytes} from 'node:crypto';
import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {startLinkRelay} from '../src/lab/linkRelay.ts';
import {startCuttingRelay} from '../test/integration/cuttingRelay.ts';
import {randomFiles, sendOverCuts} from '../test/integration/resumedSending.ts';
import {startOpenSshServer} from '../test/integration/sshServers.ts';

const {values} = parseArgs({
  options: {
    megabytes: {type: 'string', default: '200'},
    cuts: {type: 'string', default: '10'},
    megabits: {type: 'string', default: '200'},
    'round-trip': {type: 'string', default: '20'},
    bits: {type: 'string', default: '8'},
  },
});
const totalBytes = Number(values.megabytes) * 1e6;
const cutCount = Number(values.cuts);
const bitsPerSecond = Number(values.megabits) * 1e6;

const scratch = await mkdtemp(join(tmpdir(), 'edgewise-bench-resume-'));
const home = join(scratch, 'home');
await mkdir(home);
const server = await startOpenSshServer({configuration: [`SetEnv HOME=${home}`]});
if (server === null) throw new Error('there is no /usr/sbin/sshd here');
// Behind the link: what is counted has crossed it, and is not still in a buffer of this machine.
const cutter = await startCuttingRelay(server.port);
const link = await startLinkRelay({
  targetHost: '127.0.0.1',
  targetPort: cutter.port,
  upBitsPerSecond: bitsPerSecond,
  downBitsPerSecond: bitsPerSecond,
  roundTripMs: Number(values['round-trip']),
});
const relay = {...cutter, port: link.port};
const device = {server, home, relay, scratch};

function tell(what: string, value: number, bar: number, unit: string): void {
  const isMet = value <= bar;
  if (!isMet) process.exitCode = 1;
  console.log(`${what}: ${value.toFixed(3)} ${unit}, bar ${bar}: ${isMet ? 'met' : 'missed'}`);
}

try {
  // Half in one large tensor, the rest in tensors as a network has them.
  const sizes = [totalBytes / 2, ...Array.from({length: 20}, () => totalBytes / 40)].map(Math.floor);
  const mask = 2 ** Number(values.bits) - 1;
  const makeBytes = (sizeBytes: number): Uint8Array =>
    mask === 255 ? randomBytes(sizeBytes) : randomBytes(sizeBytes).map(byte => byte & mask);
  const files = await randomFiles(scratch, sizes, makeBytes);
  let wholeBytes = totalBytes;
  if (mask !== 255) {
    wholeBytes = await sendOverCuts(device, files, []);
    console.log(`without resets: ${(wholeBytes / totalBytes).toFixed(3)} x the bytes`);
    await rm(join(home, '.edgewise'), {recursive: true});
  }
  const places = Array.from({length: cutCount}, () => Math.random() * wholeBytes).sort((a, b) => a - b);
  const cuts = places.map((place, index) => Math.max(1, Math.floor(place - (places[index - 1] ?? 0))));
  const sentBytes = await sendOverCuts(device, files, cuts);
  if (relay.cuts() !== cutCount) throw new Error(`${relay.cuts()} of ${cutCount} cuts took place`);
  tell(`${values.megabytes} MB, ${cutCount} resets`, sentBytes / wholeBytes, 1.05, 'x the bytes');

  const againBytes = await sendOverCuts(device, files, []);
  tell('the same again', againBytes / 1024, 64, 'KiB');

  const moved = await randomFiles(
    scratch,
    Array.from({length: 4}, () => Math.floor(totalBytes / 40)),
    makeBytes,
  );
  const movedBytes = moved.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  const cutBytes = await sendOverCuts(device, [...files.slice(0, 15), ...moved], []);
  tell('4 of 19 tensors moved', cutBytes / movedBytes, 1.02, 'x their bytes');
} finally {
  await link.close();
  await cutter.close();
  await server.stop();
  await rm(scratch, {recursive: true, force: true});
}
