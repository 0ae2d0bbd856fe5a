import {createHash, randomBytes} from 'node:crypto';
import {chmod, mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {ConnectOptions, MachineTarget} from '../../src/device/connectOptions.ts';
import type {Machine} from '../../src/device/machine.ts';
import type {SshTransport} from '../../src/documents/sshTransport.ts';
import {catchExpected, describeCommands} from './commandSuite.ts';
import {
  isAlive,
  knownHostsLine,
  makeKey,
  publicKeyOf,
  type StartTestServer,
  type TestSshServer,
} from './sshServers.ts';

/** Options under which nothing of the person who runs the tests has a say: no agent, no configuration, no keys. */
export function hermetic(
  server: TestSshServer,
  home: string,
  more: Partial<ConnectOptions> = {},
): ConnectOptions {
  return {
    configFile: 'none',
    knownHostsFile: server.knownHostsFile,
    acceptNewHostKeys: false,
    environment: {HOME: home, USER: server.user},
    ...more,
  };
}

export function targetOf(server: TestSshServer, more: Partial<MachineTarget> = {}): MachineTarget {
  return {
    name: 'pi-7',
    address: server.host,
    port: server.port,
    user: server.user,
    identityFile: server.userKeyFile,
    ...more,
  };
}

/**
 * What every SSH server that edgewise is used with must get right. Each kind of server calls this with its own
 * `startServer`; without one (`null`) the suite says what it leaves out.
 */
export function describeMachineSuite(
  suiteName: string,
  startServer: StartTestServer,
  transport: SshTransport = 'ssh2',
): void {
  const hermeticHere = (
    server: TestSshServer,
    home: string,
    more: Partial<ConnectOptions> = {},
  ): ConnectOptions => hermetic(server, home, {transport, ...more});
  describe(suiteName, () => {
    let server: TestSshServer;
    let machine: Machine;
    let folder: string;
    let isMissing = false;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'edgewise-suite-'));
      const started = await startServer();
      if (started === null) {
        isMissing = true;
        console.warn(`${suiteName}: left out, this server is not installed here`);
        return;
      }
      server = started;
      machine = await connectMachine(targetOf(server), hermeticHere(server, folder));
    });
    afterAll(async () => {
      if (!isMissing) {
        await machine.close();
        await server.stop();
      }
      await rm(folder, {recursive: true, force: true});
    });

    const test = (name: string, work: () => Promise<void>) =>
      it(name, async context => {
        if (isMissing) context.skip();
        await work();
      });

    const testWith = (isWanted: boolean, name: string, work: () => Promise<void>) =>
      isWanted ? test(name, work) : undefined;

    describeCommands(test, () => ({machine, scratch: server.scratch, folder}));

    test('ends commands under way when the machine is closed', async () => {
      const other = await connectMachine(targetOf(server), hermeticHere(server, folder));
      const note = join(server.scratch, 'pid-of-sleeper');
      const under = catchExpected(other.run(['sh', '-c', `echo $$ >${note}; exec sleep 300`]));
      const pid = await vi.waitFor(
        async () => {
          const text = await readFile(note, 'utf8');
          expect(text).toMatch(/^\d+\n$/);
          return Number(text);
        },
        {timeout: 20_000},
      );
      await other.close();
      expect((await under).code).toBe('device-unreachable');
      await vi.waitFor(async () => expect(await isAlive(pid)).toBe(false), {timeout: 20_000});
      expect((await catchExpected(other.run(['true']))).code).toBe('device-unreachable');
    });

    describe('tunnel', () => {
      let echo: Server;
      let echoPort: number;
      beforeAll(async () => {
        echo = createServer({allowHalfOpen: true}, socket => {
          socket.on('error', () => socket.destroy());
          socket.pipe(socket);
        });
        await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', () => resolve()));
        echoPort = (echo.address() as AddressInfo).port;
      });
      afterAll(async () => {
        await new Promise<void>(resolve => echo.close(() => resolve()));
      });

      test('carries several connections, whole, each side ending when it likes', async () => {
        const tunnel = await machine.openTunnel(echoPort);
        const bytes = randomBytes(2_000_000);
        const answers = await Promise.all([1, 2, 3].map(() => exchange(tunnel.localPort, bytes)));
        for (const answer of answers) expect(Buffer.compare(answer, bytes)).toBe(0);
        await tunnel.close();
        await expect(exchange(tunnel.localPort, Buffer.from('x'))).rejects.toMatchObject({
          code: 'ECONNREFUSED',
        });
      });

      test('closes a connection that leads nowhere and goes on', async () => {
        const nowhere = createServer();
        await new Promise<void>(resolve => nowhere.listen(0, '127.0.0.1', () => resolve()));
        const {port} = nowhere.address() as AddressInfo;
        await new Promise<void>(resolve => nowhere.close(() => resolve()));
        const tunnel = await machine.openTunnel(port);
        expect(
          await exchange(tunnel.localPort, Buffer.from('x')).catch(
            (error: unknown) => (error as {code?: string}).code,
          ),
        ).toSatisfy(
          answer =>
            answer === 'ECONNRESET' || answer === 'EPIPE' || (Buffer.isBuffer(answer) && answer.length === 0),
        );
        expect(await machine.run(['echo', 'on'])).toMatchObject({stdout: 'on\n'});
        await tunnel.close();
        expect(await machine.askForwarding(port)).toEqual({kind: 'allowed'});
      });

      test('is allowed where somebody listens', async () => {
        expect(await machine.askForwarding(echoPort)).toEqual({kind: 'allowed'});
      });
    });

    describe('host keys', () => {
      let file: string;
      afterEach(async () => {
        await rm(file, {force: true});
      });
      const connectWith = async (
        content: string | undefined,
        more: Partial<ConnectOptions> = {},
        target: Partial<MachineTarget> = {},
      ) => {
        file = join(folder, 'known_hosts');
        if (content !== undefined) await writeFile(file, content);
        const connected = await connectMachine(
          targetOf(server, target),
          hermeticHere(server, folder, {knownHostsFile: file, ...more}),
        );
        await connected.close();
      };

      test('refuses a host it does not know, and shows the fingerprint', async () => {
        const error = await catchExpected(connectWith(undefined));
        expect(error).toMatchObject({code: 'host-key-unknown', exitCode: 11});
        expect(error.message).toContain(await fingerprint(server.hostKeyFile));
        expect(error.hints.join()).toContain('--accept-new-host-keys');
        await expect(stat(file)).rejects.toMatchObject({code: 'ENOENT'});
      });

      test('adds a new host when told to, once, and knows it afterwards', async () => {
        await connectWith('# mine\nother.example ssh-ed25519 AAAA', {acceptNewHostKeys: true});
        const after = `# mine\nother.example ssh-ed25519 AAAA\n${await knownHostsLine(server)}\n`;
        expect(await readFile(file, 'utf8')).toBe(after);
        await connectWith(undefined);
        await connectWith(undefined, {acceptNewHostKeys: true});
        expect(await readFile(file, 'utf8')).toBe(after);
      });

      test('adds a new host once when several connect at the same time', async () => {
        file = join(folder, 'known_hosts');
        const machines = await Promise.all(
          Array.from({length: 5}, () =>
            connectMachine(
              targetOf(server),
              hermeticHere(server, folder, {knownHostsFile: file, acceptNewHostKeys: true}),
            ),
          ),
        );
        await Promise.all(machines.map(one => one.close()));
        expect(await readFile(file, 'utf8')).toBe(`${await knownHostsLine(server)}\n`);
      });

      test('refuses a changed key, names the line, and never writes over it', async () => {
        const other = await makeKey(join(folder, `other-${randomBytes(4).toString('hex')}`));
        const content = `# one\n[${server.host}]:${server.port} ${await publicKeyOf(other)}\n`;
        for (const acceptNewHostKeys of [false, true]) {
          const error = await catchExpected(connectWith(content, {acceptNewHostKeys}));
          expect(error).toMatchObject({code: 'host-key-changed', exitCode: 11});
          expect(error.message).toContain(`${file}:2`);
          expect(error.message).toContain(await fingerprint(other));
          expect(error.message).toContain(await fingerprint(server.hostKeyFile));
          expect(await readFile(file, 'utf8')).toBe(content);
        }
      });

      test('refuses a host that shows a key of another type than the one on file', async () => {
        const other = await makeKey(join(folder, `other-${randomBytes(4).toString('hex')}`), 'ecdsa');
        const content = `[${server.host}]:${server.port} ${await publicKeyOf(other)}\n`;
        const error = await catchExpected(connectWith(content, {acceptNewHostKeys: true}));
        expect(error.code).toBe('host-key-changed');
        expect(await readFile(file, 'utf8')).toBe(content);
      });

      test('refuses a revoked key, even when it is on file as well', async () => {
        const key = await publicKeyOf(server.hostKeyFile);
        const content = `${await knownHostsLine(server)}\n@revoked * ${key}\n`;
        const error = await catchExpected(connectWith(content));
        expect(error).toMatchObject({code: 'host-key-revoked', exitCode: 11});
        expect(error.message).toContain(`${file}:2`);
      });

      // OpenSSH's own client can; see opensshTransport.test.ts.
      testWith(
        transport === 'ssh2',
        'says that it cannot check certificates where only an authority is on file',
        async () => {
          const authority = await makeKey(join(folder, `authority-${randomBytes(4).toString('hex')}`));
          const content = `@cert-authority *:${server.port},[127.0.0.1]:* ${await publicKeyOf(authority)}\n`;
          const error = await catchExpected(connectWith(content, {acceptNewHostKeys: true}));
          expect(error).toMatchObject({code: 'host-certificate-unsupported', exitCode: 11});
          expect(error.message).toContain('certificate');
          expect(await readFile(file, 'utf8')).toBe(content);
        },
      );

      test('takes a key that is on file for the host without its port', async () => {
        await connectWith(`${server.host} ${await publicKeyOf(server.hostKeyFile)}\n`);
      });
    });

    describe('login', () => {
      test('lists the keys that were refused', async () => {
        const stranger = await makeKey(join(folder, `stranger-${randomBytes(4).toString('hex')}`));
        const error = await catchExpected(
          connectMachine(targetOf(server, {identityFile: stranger}), hermeticHere(server, folder)),
        );
        expect(error).toMatchObject({code: 'authentication-refused', exitCode: 11});
        expect(error.message).toContain(stranger);
        expect(error.message).toContain(await fingerprint(stranger));
      });

      test('says that there was no key to offer', async () => {
        const error = await catchExpected(
          connectMachine(targetOf(server, {identityFile: undefined}), hermeticHere(server, folder)),
        );
        expect(error.code).toBe('authentication-refused');
        expect(error.message).toContain('no key');
      });

      test('names a key file that is missing or open to others', async () => {
        const missing = join(folder, 'missing');
        expect(
          (
            await catchExpected(
              connectMachine(targetOf(server, {identityFile: missing}), hermeticHere(server, folder)),
            )
          ).message,
        ).toContain(`${missing}: no such file`);
        const open = join(folder, 'open');
        await writeFile(open, await readFile(server.userKeyFile));
        await chmod(open, 0o644);
        expect(
          (
            await catchExpected(
              connectMachine(targetOf(server, {identityFile: open}), hermeticHere(server, folder)),
            )
          ).message,
        ).toContain('0644');
      });

      test('refuses another user', async () => {
        const error = await catchExpected(
          connectMachine(targetOf(server, {user: 'nobody-of-that-name'}), hermeticHere(server, folder)),
        );
        expect(error.code).toBe('authentication-refused');
        expect(error.message).toContain('nobody-of-that-name');
      });
    });

    test('notices that the server is gone while a command runs', async () => {
      const other = await startServer();
      if (other === null) throw new Error('the server started before and does not now');
      const doomed = await connectMachine(targetOf(other), hermeticHere(other, folder));
      const note = join(other.scratch, 'started');
      const lost = catchExpected(
        doomed.run(['sh', '-c', `echo >${note}; exec sleep 300`], {timeoutMs: 300_000}),
      );
      await vi.waitFor(async () => expect((await stat(note)).size).toBe(1), {timeout: 20_000});
      await other.stop();
      expect(await lost).toMatchObject({code: 'device-unreachable', exitCode: 11});
      const late = await Promise.all(
        [doomed.run(['true']), doomed.upload({bytes: Buffer.from('x')}, 'x'), doomed.download('x')].map(
          catchExpected,
        ),
      );
      expect(late.map(error => error.code)).toEqual(Array(3).fill('device-unreachable'));
      await doomed.close();
    });
  });
}

async function fingerprint(keyFile: string): Promise<string> {
  const [, base64 = ''] = (await publicKeyOf(keyFile)).split(' ');
  return `SHA256:${createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64').replace(/=+$/, '')}`;
}

/** Sends everything, ends, and gives back what came until the other side ended. */
function exchange(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({host: '127.0.0.1', port, allowHalfOpen: true});
    const chunks: Buffer[] = [];
    socket.on('data', chunk => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('end', () => {
      resolve(Buffer.concat(chunks));
      socket.destroy();
    });
    socket.end(bytes);
  });
}
