import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import {startCuttingRelay} from './cuttingRelay.ts';
import {randomFiles, sendOverCuts} from './resumedSending.ts';
import {startOpenSshServer} from './sshServers.ts';

const MEGA = 1e6;

it('connections reset at three bytes cost little on the wire; the same again and a moved cut next to nothing', async context => {
  const scratch = await mkdtemp(join(tmpdir(), 'edgewise-resume-'));
  const home = join(scratch, 'home');
  await mkdir(home);
  const server = await startOpenSshServer({configuration: [`SetEnv HOME=${home}`]});
  if (server === null) return context.skip('sshd is not installed here');
  const relay = await startCuttingRelay(server.port);
  const device = {server, home, relay, scratch};
  try {
    const files = await randomFiles(scratch, [5 * MEGA, 2 * MEGA, ...new Array<number>(20).fill(50_000)]);
    const sentBytes = await sendOverCuts(device, files, [2.2 * MEGA, 1.7 * MEGA, 2.9 * MEGA]);
    expect(relay.cuts()).toBe(3);
    // Without resuming it would be about 2; what was in the buffers of this machine is lost with each connection.
    expect(sentBytes / (8 * MEGA)).toBeLessThan(1.8);
    expect(await sendOverCuts(device, files, [])).toBeLessThan(64 * 1024);
    const moved = await randomFiles(scratch, [1.5 * MEGA, 0.5 * MEGA]);
    const movedBytes = await sendOverCuts(device, [...files.slice(0, 12), ...moved], []);
    expect(movedBytes / (2 * MEGA)).toBeLessThan(1.02);
  } finally {
    await relay.close();
    await server.stop();
    await rm(scratch, {recursive: true, force: true});
  }
});
