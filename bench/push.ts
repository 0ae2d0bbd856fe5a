/**
 * How fast a file comes onto a device, beside OpenSSH's scp and rsync: one real sshd, one relay that is as slow and as far
 * as a link, turn about. Ours includes the check of the file at rest and its fsync, which the others leave out.
 * Usage: npm run bench:push [-- --mebibytes 100 --runs 5 --round-trips 0,20,100 --megabits 1000 --file FILE --compress]
 * With --file that one instead of random bytes; with --compress the peers compress, too.
 * Bars (issue 5): at least 0.9 times as fast as scp at 0 ms, 1.0 at 20 ms, 2.5 at 100 ms. Ends with 1 when one is missed.
 */
import {randomBytes} from 'node:crypto';
import {copyFile, mkdir, mkdtemp, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {startLinkRelay} from '../src/lab/linkRelay.ts';
import {digestOfFile} from '../src/workspace/digest.ts';
import {startOpenSshServer} from '../test/integration/sshServers.ts';
import {median, spread} from './push/spread.ts';
import {openContenders} from './push/uploadContenders.ts';

const BARS: ReadonlyMap<number, number> = new Map([
  [0, 0.9],
  [20, 1.0],
  [100, 2.5],
]);
const MEBI = 2 ** 20;

const {values} = parseArgs({
  options: {
    mebibytes: {type: 'string', default: '100'},
    runs: {type: 'string', default: '5'},
    'round-trips': {type: 'string', default: '0,20,100'},
    megabits: {type: 'string', default: '1000'},
    file: {type: 'string'},
    compress: {type: 'boolean', default: false},
  },
});
const sizeBytes =
  values.file === undefined ? Number(values.mebibytes) * MEBI : (await stat(values.file)).size;
const bitsPerSecond = Number(values.megabits) * 1e6;

const scratch = await mkdtemp(join(tmpdir(), 'edgewise-bench-push-'));
const home = join(scratch, 'home');
await mkdir(home);
const server = await startOpenSshServer({configuration: [`SetEnv HOME=${home}`]});
if (server === null) throw new Error('there is no /usr/sbin/sshd here');
const file = join(scratch, 'weights');
if (values.file === undefined) await writeFile(file, randomBytes(sizeBytes));
else await copyFile(values.file, file);
const digest = await digestOfFile(file);
try {
  console.log(
    `${(sizeBytes / MEBI).toFixed(0)} MiB of ${values.file ?? 'random bytes'}, ${values.megabits} Mbit/s, ${values.runs} runs, MiB/s`,
  );
  for (const roundTripMs of values['round-trips'].split(',').map(Number)) {
    const relay = await startLinkRelay({
      targetHost: server.host,
      targetPort: server.port,
      upBitsPerSecond: bitsPerSecond,
      downBitsPerSecond: bitsPerSecond,
      roundTripMs,
    });
    try {
      const contenders = await openContenders({
        ...{server, port: relay.port, home, file, sizeBytes, scratch},
        isCompressed: values.compress,
      });
      const speeds = new Map(contenders.map(({name}) => [name, [] as number[]]));
      for (let round = 0; round < Number(values.runs); round += 1) {
        for (let turn = 0; turn < contenders.length; turn += 1) {
          const contender = contenders[(round + turn) % contenders.length]!;
          const startedAt = performance.now();
          const path = await contender.send();
          const seconds = (performance.now() - startedAt) / 1000;
          if ((await digestOfFile(path)) !== digest) throw new Error(`${contender.name}: not the same file`);
          speeds.get(contender.name)!.push(sizeBytes / MEBI / seconds);
        }
      }
      const ours = speeds.get('edgewise')!;
      const cells = contenders.map(({name}) => `${name} ${spread(speeds.get(name)!, 1)}`);
      console.log(`round trip ${String(roundTripMs).padStart(3)} ms: ${cells.join(', ')}`);
      for (const peer of ['scp', 'rsync']) {
        const ratios = ours.map((speed, round) => speed / (speeds.get(peer)![round] ?? NaN));
        const bar = peer === 'scp' ? BARS.get(roundTripMs) : undefined;
        const isMissed = bar !== undefined && median(ratios) < bar;
        if (isMissed) process.exitCode = 1;
        const verdict = bar === undefined ? '' : `, bar ${bar}: ${isMissed ? 'missed' : 'met'}`;
        console.log(`  edgewise to ${peer} ${spread(ratios)}${verdict}`);
      }
    } finally {
      await relay.close();
    }
  }
} finally {
  await server.stop();
  await rm(scratch, {recursive: true, force: true});
}
