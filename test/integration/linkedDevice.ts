import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {startLinkRelay, type LinkRelay} from '../../src/lab/linkRelay.ts';
import {processesOf} from './deployDevice.ts';
import {startCuttingRelay, type CuttingRelay} from './cuttingRelay.ts';
import {openPushedProject, type PushedProject} from './pushedProject.ts';
import {findFreePort} from './freePort.ts';
import {signalProcess, startOpenSshServer, type OpenSshServer} from './sshServers.ts';

export const GOOD_LINK = {
  upBitsPerSecond: 1e9,
  downBitsPerSecond: 1e9,
  roundTripMs: 0,
  lossRate: 0,
  isUp: true,
} as const;

/** A real sshd behind a link that may be made as bad as one likes, with a first release pushed over a good one. */
export interface LinkedDevice {
  readonly server: OpenSshServer;
  readonly home: string;
  readonly scratch: string;
  readonly link: LinkRelay;
  /** Behind the link: breaks connections off at a chosen byte. */
  readonly cutter: CuttingRelay;
  readonly project: PushedProject;
  close(): Promise<void>;
}

export async function startLinkedDevice(sshConfig = ''): Promise<LinkedDevice | null> {
  const scratch = await mkdtemp(join(tmpdir(), 'edgewise-linked-'));
  const home = join(scratch, 'home');
  await mkdir(home);
  const server = await startOpenSshServer({configuration: [`SetEnv HOME=${home}`]});
  if (server === null) {
    await rm(scratch, {recursive: true});
    return null;
  }
  const cutter = await startCuttingRelay(server.port);
  const link = await startLinkRelay({...GOOD_LINK, targetHost: '127.0.0.1', targetPort: cutter.port});
  const knownHostsFile = join(scratch, 'known_hosts');
  const endpointPort = await findFreePort();
  const project = await openPushedProject(
    {...server, port: link.port, knownHostsFile, endpointPort},
    sshConfig,
  );
  await project.pushNext();
  return {
    server,
    home,
    scratch,
    link,
    cutter,
    project,
    async close() {
      for (const pid of await processesOf(join(home, '.edgewise'))) signalProcess(pid, 'SIGKILL');
      await link.close();
      await cutter.close();
      await server.stop();
      await project.remove();
      await rm(scratch, {recursive: true, force: true, maxRetries: 5});
    },
  };
}
