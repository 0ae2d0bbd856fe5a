import {execFile} from 'node:child_process';
import {copyFile, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {connect, createServer, type AddressInfo} from 'node:net';
import {tmpdir, userInfo} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {describe, expect, it, type TestContext} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {SshTransport} from '../../src/documents/sshTransport.ts';
import {catchExpected} from './commandSuite.ts';
import {describeMachineSuite, hermetic, targetOf} from './machineSuite.ts';
import {knownHostsLine, makeKey, publicKeyOf, startOpenSshServer, type OpenSshServer} from './sshServers.ts';

const execFileAsync = promisify(execFile);

describeMachineSuite("OpenSSH through this machine's ssh", startOpenSshServer, 'openssh');

it('a tunnel whose socket could not be made is tried anew by the next connection through it', async context => {
  const server = await startOpenSshServer();
  if (server === null) return context.skip();
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-openssh-'));
  const before = new Set(await readdir(tmpdir()));
  const machine = await connectMachine(targetOf(server), hermetic(server, folder, {transport: 'openssh'}));
  const echo = createServer(socket => socket.pipe(socket));
  try {
    const shared = (await readdir(tmpdir())).filter(
      name => name.startsWith('edgewise-ssh-') && !before.has(name),
    );
    // The first path that ssh is to listen on is taken.
    for (const name of shared) await writeFile(join(tmpdir(), name, 'f1'), '');
    await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', resolve));
    const tunnel = await machine.openTunnel((echo.address() as AddressInfo).port);
    const ask = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(tunnel.localPort, '127.0.0.1', () => socket.write('hello'));
        socket.once('data', data => {
          resolve(data.toString('utf8'));
          socket.destroy();
        });
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('closed')));
      });
    await expect(ask()).rejects.toThrow();
    expect(await ask()).toBe('hello');
    await tunnel.close();
  } finally {
    echo.close();
    await machine.close();
    await server.stop();
    await rm(folder, {recursive: true, force: true});
  }
});

describe('what ssh2 cannot do', () => {
  const withFolder = async (context: TestContext, work: (folder: string) => Promise<boolean>) => {
    const folder = await mkdtemp(join(tmpdir(), 'edgewise-openssh-'));
    let hasRun: boolean;
    try {
      hasRun = await work(folder);
    } finally {
      await rm(folder, {recursive: true, force: true});
    }
    if (!hasRun) context.skip();
  };
  const greet = async (server: OpenSshServer, folder: string, transport: SshTransport, key: string) => {
    const machine = await connectMachine(
      targetOf(server, {identityFile: key}),
      hermetic(server, folder, {transport}),
    );
    try {
      return (await machine.run(['echo', 'hello'])).stdout;
    } finally {
      await machine.close();
    }
  };

  it('logs in with a user certificate', context =>
    withFolder(context, async folder => {
      const authority = await makeKey(join(folder, 'authority'));
      const key = await makeKey(join(folder, 'key'));
      const sign = ['-q', '-s', authority, '-I', 'edgewise test', '-n', userInfo().username];
      await execFileAsync('ssh-keygen', [...sign, '-V', '+1h', `${key}.pub`]);
      const server = await startOpenSshServer({
        configuration: [`TrustedUserCAKeys ${authority}.pub`, 'AuthorizedKeysFile none'],
      });
      if (server === null) return false;
      try {
        expect(await greet(server, folder, 'openssh', key)).toBe('hello\n');
        expect((await catchExpected(greet(server, folder, 'ssh2', key))).code).toBe('authentication-refused');
        const stranger = await makeKey(join(folder, 'stranger'));
        expect((await catchExpected(greet(server, folder, 'openssh', stranger))).code).toBe(
          'authentication-refused',
        );
      } finally {
        await server.stop();
      }
      return true;
    }));

  it('talks to a server that has a post-quantum key exchange only', context =>
    withFolder(context, async folder => {
      const server = await startOpenSshServer({
        configuration: ['KexAlgorithms sntrup761x25519-sha512@openssh.com'],
      });
      if (server === null) return false;
      try {
        expect(await greet(server, folder, 'openssh', server.userKeyFile)).toBe('hello\n');
        const error = await catchExpected(greet(server, folder, 'ssh2', server.userKeyFile));
        expect(error.code).toBe('ssh-algorithms-unsupported');
      } finally {
        await server.stop();
      }
      return true;
    }));

  it('trusts a host by a certificate authority', context =>
    withFolder(context, async folder => {
      const authority = await makeKey(join(folder, 'authority'));
      const hostKey = await makeKey(join(folder, 'host'));
      const sign = ['-q', '-s', authority, '-I', 'host', '-h', '-n', '127.0.0.1'];
      await execFileAsync('ssh-keygen', [...sign, `${hostKey}.pub`]);
      const server = await startOpenSshServer({
        configuration: [`HostKey ${hostKey}`, `HostCertificate ${hostKey}-cert.pub`],
      });
      if (server === null) return false;
      try {
        const line = (await knownHostsLine(server)).split(' ')[0] ?? '';
        await writeFile(server.knownHostsFile, `@cert-authority ${line} ${await publicKeyOf(authority)}\n`);
        expect(await greet(server, folder, 'openssh', server.userKeyFile)).toBe('hello\n');
      } finally {
        await server.stop();
      }
      return true;
    }));

  it('goes through a ProxyCommand of the configuration', context =>
    withFolder(context, async folder => {
      const server = await startOpenSshServer();
      if (server === null) return false;
      try {
        const key = join(folder, 'key');
        await copyFile(server.userKeyFile, key);
        const proxy = `${process.execPath} -e "const s=require('net').connect(${server.port},'127.0.0.1');process.stdin.pipe(s);s.pipe(process.stdout)"`;
        const configFile = join(folder, 'config');
        await writeFile(
          configFile,
          `Host behind\n  HostName 127.0.0.1\n  Port ${server.port}\n  User ${server.user}\n  IdentityFile ${key}\n  ProxyCommand ${proxy}\n`,
        );
        const machine = await connectMachine(
          {name: 'pi-7', address: 'behind'},
          hermetic(server, folder, {transport: 'openssh', configFile}),
        );
        expect((await machine.run(['echo', 'through'])).stdout).toBe('through\n');
        expect(machine.address).toBe(`${server.user}@127.0.0.1:${server.port}`);
        await machine.close();
      } finally {
        await server.stop();
      }
      return true;
    }));
});

describe('without an ssh on this machine', () => {
  it('says how to get one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'edgewise-openssh-'));
    try {
      const error = await catchExpected(
        connectMachine(
          {name: 'pi-7', address: '127.0.0.1'},
          {transport: 'openssh', acceptNewHostKeys: false, environment: {HOME: folder, PATH: folder}},
        ),
      );
      expect(error).toMatchObject({code: 'openssh-missing', exitCode: 12});
      expect(error.hints.join()).toContain('openssh-client');
    } finally {
      await rm(folder, {recursive: true, force: true});
    }
  });
});
