import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import {requireForwarding} from '../../src/workflows/deploy/requireForwarding.ts';
import {catchExpected} from './commandSuite.ts';
import {hermetic, targetOf} from './machineSuite.ts';
import {findFreePort} from './freePort.ts';
import {startOpenSshServer, type OpenSshServer} from './sshServers.ts';

describe.each(['AllowTcpForwarding no', 'AllowTcpForwarding remote', 'PermitOpen 127.0.0.1:1'])(
  'an sshd with "%s"',
  setting => {
    let folder: string;
    let server: OpenSshServer | null;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'edgewise-forwarding-'));
      server = await startOpenSshServer({configuration: [setting]});
    });
    afterAll(async () => {
      await server?.stop();
      await rm(folder, {recursive: true, force: true});
    });

    it.for(['ssh2', 'openssh'] as const)('is known by it over %s', async (transport, context) => {
      if (server === null) return context.skip();
      const machine = await connectMachine(targetOf(server), hermetic(server, folder, {transport}));
      try {
        const port = await findFreePort();
        const refusal = await catchExpected(requireForwarding(machine, port));
        expect(refusal.code).toBe('forwarding-forbidden');
        expect(refusal.message).toMatch(new RegExp(`port ${port} .*(prohibited|open failed)`));
        expect((await machine.run(['echo', 'on'])).stdout).toBe('on\n');
      } finally {
        await machine.close();
      }
    });
  },
);
