import {execFile, spawn} from 'node:child_process';
import {chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {connect, createServer, type AddressInfo, type Server} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {ConnectOptions} from '../../src/device/connectOptions.ts';
import {catchExpected} from './commandSuite.ts';
import {hermetic, targetOf} from './machineSuite.ts';
import {findFreePort} from './freePort.ts';
import {makeKey, publicKeyOf, startOpenSshServer, type OpenSshServer} from './sshServers.ts';

const execFileAsync = promisify(execFile);

describe('logging in to OpenSSH', () => {
  let server: OpenSshServer;
  let folder: string;
  let isMissing = false;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-login-'));
    const started = await startOpenSshServer();
    if (started === null) {
      isMissing = true;
      console.warn('logging in to OpenSSH: left out, sshd is not installed here');
    } else {
      server = started;
    }
  });
  afterAll(async () => {
    if (!isMissing) await server.stop();
    await rm(folder, {recursive: true, force: true});
  });

  const test = (name: string, work: () => Promise<void>) =>
    it(name, async context => {
      if (isMissing) context.skip();
      await work();
    });

  /** Connects, asks one thing and hangs up. */
  const greet = async (target: Parameters<typeof connectMachine>[0], options: ConnectOptions) => {
    const machine = await connectMachine(target, options);
    try {
      return {said: (await machine.run(['echo', 'hello'])).stdout, address: machine.address};
    } finally {
      await machine.close();
    }
  };

  const authorize = async (...keys: string[]) => {
    const lines = await Promise.all([server.userKeyFile, ...keys].map(key => readFile(`${key}.pub`, 'utf8')));
    await writeFile(join(server.hostKeyFile, '..', 'authorized_keys'), lines.join(''));
  };

  for (const [form, args] of [
    ['ed25519 in the form of OpenSSH', ['ed25519']],
    ['ecdsa in the form of OpenSSH', ['ecdsa']],
    ['rsa in the form of OpenSSH', ['rsa']],
    ['rsa as PKCS#1', ['rsa', '-m', 'PEM']],
    ['ecdsa as PEM', ['ecdsa', '-m', 'PEM']],
    ['rsa as PKCS#8', ['rsa', '-m', 'PKCS8']],
    ['ecdsa as PKCS#8', ['ecdsa', '-m', 'PKCS8']],
  ] as const) {
    const [type, ...more] = args;
    const name = form.replace(/[^a-z0-9]/gi, '-');
    test(`takes a key: ${form}`, async () => {
      const key = await makeKey(join(folder, name), type, ...more);
      await authorize(key);
      expect((await greet(targetOf(server, {identityFile: key}), hermetic(server, folder))).said).toBe(
        'hello\n',
      );
    });

    test(`takes a key with a passphrase: ${form}`, async () => {
      const key = await makeKey(join(folder, `${name}-locked`), type, ...more, '-N', 'the right one');
      await authorize(key);
      const asked: string[] = [];
      const promptPassphrase = async (file: string) => {
        asked.push(file);
        return asked.length === 1 ? 'the wrong one' : 'the right one';
      };
      const options = hermetic(server, folder, {promptPassphrase});
      const target = targetOf(server, {identityFile: key});
      expect(
        (await Promise.all([greet(target, options), greet(target, options)])).map(({said}) => said),
      ).toEqual(['hello\n', 'hello\n']);
      // Asked again after the wrong one, and then once for the whole fleet.
      expect(asked).toEqual([key, key]);
    });
  }

  test('says that the passphrase was wrong, after three tries', async () => {
    const key = await makeKey(join(folder, 'wrong-passphrase'), 'ed25519', '-N', 'right');
    await authorize(key);
    let askedCount = 0;
    const promptPassphrase = async () => {
      askedCount += 1;
      return 'wrong';
    };
    const error = await catchExpected(
      connectMachine(targetOf(server, {identityFile: key}), hermetic(server, folder, {promptPassphrase})),
    );
    expect(error.code).toBe('authentication-refused');
    expect(error.message).toContain('the passphrase was wrong');
    expect(askedCount).toBe(3);
  });

  test('asks for no passphrase of a key that the device would not take', async () => {
    const key = await makeKey(join(folder, 'locked-stranger'), 'ed25519', '-N', 'secret');
    await authorize();
    const promptPassphrase = async () => {
      throw new Error('nobody is to be asked');
    };
    const error = await catchExpected(
      connectMachine(targetOf(server, {identityFile: key}), hermetic(server, folder, {promptPassphrase})),
    );
    expect(error.message).toContain(`${key}`);
    expect(error.message).not.toContain('nobody is to be asked');
  });

  test('says what to do about a locked key where nobody can be asked', async () => {
    const key = await makeKey(join(folder, 'locked'), 'ed25519', '-N', 'secret');
    await authorize(key);
    const error = await catchExpected(
      connectMachine(targetOf(server, {identityFile: key}), hermetic(server, folder)),
    );
    expect(error.message).toContain(`ssh-add ${key}`);
  });

  for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
    test(`takes ${type} keys from a running ssh-agent`, async () => {
      const key = await makeKey(join(folder, `agent-${type}`), type);
      await authorize(key);
      const agent = await startAgent(folder);
      try {
        await execFileAsync('ssh-add', ['-q', key], {env: {...process.env, SSH_AUTH_SOCK: agent.socket}});
        await rm(key);
        const environment = {HOME: folder, USER: server.user, SSH_AUTH_SOCK: agent.socket};
        const target = targetOf(server, {identityFile: undefined});
        expect((await greet(target, hermetic(server, folder, {environment}))).said).toBe('hello\n');
        // With IdentitiesOnly the agent may be used for the keys that are named, and for nothing else.
        const configFile = join(folder, `only-${type}`);
        await writeFile(configFile, 'Host *\n  IdentitiesOnly yes\n');
        const error = await catchExpected(greet(target, hermetic(server, folder, {environment, configFile})));
        expect(error.code).toBe('authentication-refused');
      } finally {
        await agent.stop();
      }
    });
  }

  test('goes on with the key file when the agent does not answer', async () => {
    await authorize();
    const environment = {HOME: folder, USER: server.user, SSH_AUTH_SOCK: join(folder, 'no-agent-here')};
    expect((await greet(targetOf(server), hermetic(server, folder, {environment}))).said).toBe('hello\n');
  });

  test('puts names forward that say so when an agent with too many keys is turned away', async () => {
    await authorize();
    const agent = await startAgent(folder);
    try {
      for (let index = 0; index < 7; index += 1) {
        const key = await makeKey(join(folder, `many-${index}`));
        await execFileAsync('ssh-add', ['-q', key], {env: {...process.env, SSH_AUTH_SOCK: agent.socket}});
      }
      const environment = {HOME: folder, USER: server.user, SSH_AUTH_SOCK: agent.socket};
      const error = await catchExpected(greet(targetOf(server), hermetic(server, folder, {environment})));
      expect(error.code).toBe('authentication-refused');
      expect(error.hints.join()).toContain('IdentitiesOnly');
    } finally {
      await agent.stop();
    }
  });

  test('follows an alias of the SSH configuration, with everything that stands there', async () => {
    await authorize();
    const home = join(folder, 'home of a person');
    await mkdir(join(home, '.ssh', 'conf.d'), {recursive: true});
    await copyFile(server.userKeyFile, join(home, '.ssh', `key-for-${server.user}`));
    await chmod(join(home, '.ssh', `key-for-${server.user}`), 0o600);
    await writeFile(join(home, '.ssh', 'config'), 'Include conf.d/*.conf\nHost *\n  User nobody\n');
    await writeFile(
      join(home, '.ssh', 'conf.d', 'fleet.conf'),
      [
        'Match exec "touch /tmp/edgewise-was-here" originalhost gateway',
        '  User intruder',
        'Host gate* !gateway-9',
        `  HostName ${server.host}`,
        `  Port ${server.port}`,
        `  User ${server.user}`,
        '  IdentityFile ~/.ssh/key-for-%r',
        '  HostKeyAlias the-gateway',
        '  UserKnownHostsFile "~/.ssh/fleet hosts" ~/.ssh/more',
        '  StrictHostKeyChecking no',
        '  ConnectTimeout 7',
        '  ServerAliveInterval 2',
        '',
      ].join('\n'),
    );
    await writeFile(join(home, '.ssh', 'more'), `the-gateway ${await publicKeyOf(server.hostKeyFile)}\n`);
    const notes: string[] = [];
    const found = await greet(
      {name: 'gateway', address: 'gateway'},
      {
        acceptNewHostKeys: false,
        environment: {HOME: home, USER: 'someone'},
        emit: event => event.kind === 'note' && notes.push(event.text),
      },
    );
    expect(found).toEqual({said: 'hello\n', address: `${server.user}@127.0.0.1:${server.port}`});
    expect(notes.join('\n')).toMatch(/Match exec[\s\S]*StrictHostKeyChecking/);
    await expect(readFile('/tmp/edgewise-was-here')).rejects.toMatchObject({code: 'ENOENT'});
    // A configuration that says "no" does not make a stranger of a host acceptable.
    await writeFile(join(home, '.ssh', 'more'), '');
    expect(
      (
        await catchExpected(
          connectMachine(
            {name: 'g', address: 'gateway'},
            {acceptNewHostKeys: false, environment: {HOME: home, USER: 'x'}},
          ),
        )
      ).code,
    ).toBe('host-key-unknown');
  });

  test('hashes names it adds where the configuration asks for it', async () => {
    await authorize();
    const configFile = join(folder, 'hashing');
    const knownHostsFile = join(folder, 'hashed');
    await writeFile(configFile, 'Host *\n  HashKnownHosts yes\n  StrictHostKeyChecking accept-new\n');
    const options = hermetic(server, folder, {configFile, knownHostsFile});
    await greet(targetOf(server), options);
    const line = await readFile(knownHostsFile, 'utf8');
    expect(line).toMatch(/^\|1\|\S+\|\S+ ssh-ed25519 \S+\n$/);
    const {stdout} = await execFileAsync('ssh-keygen', [
      '-F',
      `[${server.host}]:${server.port}`,
      '-f',
      knownHostsFile,
    ]);
    expect(stdout).toContain(line.trim());
    await greet(targetOf(server), options);
    expect(await readFile(knownHostsFile, 'utf8')).toBe(line);
  });

  test('jumps through a host, and through two, each with its own key', async () => {
    await authorize();
    const second = await startOpenSshServer();
    if (second === null) throw new Error('sshd started before and does not now');
    try {
      const configFile = join(folder, 'jumps');
      const hostBlock = (alias: string, {port, userKeyFile, user}: OpenSshServer, more = '') =>
        `Host ${alias}\n  HostName 127.0.0.1\n  Port ${port}\n  User ${user}\n  IdentityFile ${userKeyFile}\n  HostKeyAlias ${alias}\n${more}`;
      const knownHostsFile = join(folder, 'jump-hosts');
      await writeFile(
        configFile,
        [
          hostBlock('front', second),
          hostBlock('itself', second),
          hostBlock('device', server, '  ProxyJump front\n'),
          hostBlock('far', server, '  ProxyJump front,itself\n'),
          hostBlock('nested', server, '  ProxyJump device\n'),
          `Host closed\n  HostName 127.0.0.1\n  Port ${await findFreePort()}\n  ProxyJump front\n`,
          hostBlock('loop', server, '  ProxyJump loop\n'),
          hostBlock('spoken', server, '  ProxyCommand ssh -W %h:%p front\n'),
        ].join(''),
      );
      const line = async (alias: string, host: OpenSshServer) =>
        `${alias} ${await publicKeyOf(host.hostKeyFile)}\n`;
      const known = async (device: OpenSshServer) =>
        [
          await line('front', second),
          await line('itself', second),
          await line('device', device),
          await line('far', server),
          await line('nested', server),
        ].join('');
      await writeFile(knownHostsFile, await known(server));
      const options = hermetic(server, folder, {configFile, knownHostsFile});
      for (const address of ['device', 'far', 'nested']) {
        expect((await greet({name: address, address}, options)).said).toBe('hello\n');
      }
      await expect
        .poll(async () => (await Promise.all([server, second].map(host => host.listSessions()))).flat(), {
          timeout: 20_000,
        })
        .toEqual([]);
      await writeFile(knownHostsFile, await known(second));
      expect(await catchExpected(greet({name: 'device', address: 'device'}, options))).toMatchObject({
        code: 'host-key-changed',
      });
      expect(await catchExpected(greet({name: 'loop', address: 'loop'}, options))).toMatchObject({
        code: 'ssh-config-invalid',
      });
      const closed = await catchExpected(greet({name: 'closed', address: 'closed'}, options));
      expect(closed).toMatchObject({code: 'device-unreachable'});
      expect(closed.message).toContain(`127.0.0.1:${second.port}`);
      const refused = await catchExpected(greet({name: 'spoken', address: 'spoken'}, options));
      expect(refused).toMatchObject({code: 'ssh-setting-unsupported', exitCode: 11});
      expect(refused.hints.join()).toContain('ProxyJump');
    } finally {
      await second.stop();
    }
  });

  test('asks first for the key type that is on file', async () => {
    // sshd prefers ed25519; a client that knows only the RSA key must not take the host for a stranger.
    const port = await findFreePort();
    const rsa = await makeKey(join(folder, 'second-host-key'), 'rsa');
    const both = await startOpenSshServer({
      configuration: [`HostKey ${rsa}`, `ListenAddress 127.0.0.1:${port}`],
    });
    if (both === null) throw new Error('sshd started before and does not now');
    try {
      await writeFile(both.knownHostsFile, `[127.0.0.1]:${both.port} ${await publicKeyOf(rsa)}\n`);
      expect((await greet(targetOf(both), hermetic(both, folder))).said).toBe('hello\n');
    } finally {
      await both.stop();
    }
  });

  test('refuses a server that speaks old algorithms only', async () => {
    const old = await startOpenSshServer({configuration: ['KexAlgorithms diffie-hellman-group14-sha1']});
    if (old === null) throw new Error('sshd started before and does not now');
    try {
      expect(await catchExpected(greet(targetOf(old), hermetic(old, folder)))).toMatchObject({
        code: 'ssh-algorithms-unsupported',
        exitCode: 11,
      });
    } finally {
      await old.stop();
    }
  });

  test('gets in at the third try where a busy server drops connections', async () => {
    await authorize();
    let connections = 0;
    const busy = createServer(socket => {
      connections += 1;
      socket.on('error', () => socket.destroy());
      if (connections < 3) {
        socket.destroy();
        return;
      }
      const onward = connect(server.port, server.host);
      onward.on('error', () => socket.destroy());
      socket.pipe(onward).pipe(socket);
    });
    const port = await listen(busy);
    const knownHostsFile = join(folder, 'busy-hosts');
    await writeFile(knownHostsFile, `${server.host} ${await publicKeyOf(server.hostKeyFile)}\n`);
    expect((await greet(targetOf(server, {port}), hermetic(server, folder, {knownHostsFile}))).said).toBe(
      'hello\n',
    );
    expect(connections).toBe(3);
    await new Promise<void>(resolve => busy.close(() => resolve()));
  });
});

describe('a host that does not answer', () => {
  const options: ConnectOptions = {
    configFile: 'none',
    acceptNewHostKeys: false,
    environment: {HOME: '/nonexistent', USER: 'pi'},
    connectTimeoutMs: 1200,
  };

  it('is given up at once when nothing listens there', async () => {
    const port = await findFreePort();
    const error = await catchExpected(connectMachine({name: 'pi-7', address: '127.0.0.1', port}, options));
    expect(error).toMatchObject({code: 'device-unreachable', exitCode: 11});
    expect(error.message).toContain(`port ${port}`);
  });

  it('is given up in time when it listens and never speaks', async () => {
    const silent = createServer(socket => socket.on('error', () => socket.destroy()).resume());
    const port = await listen(silent);
    const startedAt = performance.now();
    const error = await catchExpected(connectMachine({name: 'pi-7', address: '127.0.0.1', port}, options));
    expect(error).toMatchObject({code: 'device-unreachable', exitCode: 11});
    // A server has two minutes for a login.
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    await new Promise<void>(resolve => silent.close(() => resolve()));
  });

  it('is tried three times when it hangs up before it has said anything', async () => {
    let connections = 0;
    const rude = createServer(socket => {
      connections += 1;
      socket.destroy();
    });
    const port = await listen(rude);
    const error = await catchExpected(
      connectMachine({name: 'pi-7', address: '127.0.0.1', port}, {...options, connectTimeoutMs: 20_000}),
    );
    expect(error).toMatchObject({code: 'device-unreachable', exitCode: 11});
    expect(connections).toBe(3);
    await new Promise<void>(resolve => rude.close(() => resolve()));
  });

  it('is named when its name has no address', async () => {
    const error = await catchExpected(
      connectMachine({name: 'pi-7', address: 'no-such-host.invalid'}, {...options, connectTimeoutMs: 10_000}),
    );
    expect(error).toMatchObject({code: 'device-unreachable', exitCode: 11});
    expect(error.message).toContain('no-such-host.invalid');
  });

  it('is told apart from a server of another kind', async () => {
    const web = createServer(socket => {
      socket.on('error', () => socket.destroy());
      socket.resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const port = await listen(web);
    const error = await catchExpected(
      connectMachine({name: 'pi-7', address: '127.0.0.1', port}, {...options, connectTimeoutMs: 5000}),
    );
    expect(error).toMatchObject({code: 'device-unreachable', exitCode: 11});
    await new Promise<void>(resolve => web.close(() => resolve()));
  });
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}

async function startAgent(folder: string): Promise<{socket: string; stop: () => Promise<void>}> {
  const socket = join(await mkdtemp(join(folder, 'a-')), 's');
  const child = spawn('ssh-agent', ['-D', '-a', socket], {stdio: ['ignore', 'pipe', 'ignore']});
  // It prints its address once it listens.
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('error', reject);
    child.once('exit', () => reject(new Error('ssh-agent did not start')));
  });
  return {
    socket,
    stop: async () => {
      const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
      child.kill();
      await ended;
    },
  };
}
