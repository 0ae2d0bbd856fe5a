import {execFile, spawn} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile} from 'node:fs/promises';
import {accessSync} from 'node:fs';
import {connect} from 'node:net';
import {tmpdir, userInfo} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import ssh2 from 'ssh2';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {startSshServer} from '../../src/lab/sshServer.ts';
import {describeMachineSuite} from './machineSuite.ts';
import {
  isAlive,
  knownHostsLine,
  makeKey,
  type TestSshServer,
  type TestSshServerOptions,
} from './sshServers.ts';

const execFileAsync = promisify(execFile);

interface LabServer extends TestSshServer {
  readonly home: string;
  readonly folder: string;
}

async function startLabServer(options: TestSshServerOptions = {}): Promise<LabServer> {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-lab-ssh-'));
  const home = join(folder, 'home');
  const scratch = join(home, 'scratch');
  await mkdir(scratch, {recursive: true});
  const hostKeyFile = await makeKey(join(folder, 'host_key'), options.hostKeyType);
  const userKeyFile = await makeKey(join(folder, 'user_key'), options.userKeyType);
  const server = await startSshServer({
    home,
    hostKey: await readFile(hostKeyFile, 'utf8'),
    authorizedKeys: [await readFile(`${userKeyFile}.pub`, 'utf8')],
    deviceName: 'pi-7',
  });
  const reachable = {host: '127.0.0.1', port: server.port, hostKeyFile};
  const knownHostsFile = join(folder, 'known_hosts');
  await writeFile(knownHostsFile, `${await knownHostsLine(reachable)}\n`);
  return {
    ...reachable,
    user: userInfo().username,
    userKeyFile,
    knownHostsFile,
    scratch,
    home,
    folder,
    async stop() {
      await server.close();
      await rm(folder, {recursive: true, force: true});
    },
  };
}

describeMachineSuite("the lab's own SSH server", startLabServer);

function isInstalled(program: string): boolean {
  try {
    accessSync(`/usr/bin/${program}`);
    return true;
  } catch {
    return false;
  }
}

describe("OpenSSH's programs with the lab's server", () => {
  let server: LabServer;
  const hasClient = ['ssh', 'scp', 'sftp'].every(isInstalled);
  if (!hasClient)
    console.warn("OpenSSH's programs with the lab's server: left out, no OpenSSH client is installed here");

  beforeAll(async () => {
    server = await startLabServer();
  });
  afterAll(() => server.stop());

  const options = (): string[] => [
    ...['-F', '/dev/null', '-i', server.userKeyFile, '-o', `UserKnownHostsFile=${server.knownHostsFile}`],
    ...['-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', `Port=${server.port}`],
  ];
  const test = (name: string, work: () => Promise<void>): void => {
    it.skipIf(!hasClient)(name, work);
  };

  test('ssh passes on output, errors and exit status', async () => {
    const failed = await execFileAsync('ssh', [...options(), '127.0.0.1', 'pwd; echo oh >&2; exit 7']).then(
      () => null,
      (error: unknown) => error as {code: number; stdout: string; stderr: string},
    );
    expect(failed).toMatchObject({code: 7, stdout: `${server.home}\n`, stderr: 'oh\n'});
  });

  test('ssh without a command is a shell that reads its input', async () => {
    const child = spawn('ssh', [...options(), '-T', '127.0.0.1'], {stdio: ['pipe', 'pipe', 'inherit']});
    child.stdin.end('echo $((6 * 7))\nexit 3\n');
    const output = (await child.stdout.toArray()).join('');
    expect(output).toBe('42\n');
  });

  test('commands get a small environment of their own', async () => {
    const {stdout} = await execFileAsync('ssh', [...options(), '127.0.0.1', 'env -u PWD -u _ -u SHLVL env'], {
      env: {...process.env, LC_TIME: 'C', SECRET: 'not for the device'},
    });
    const names = stdout.split('\n').map(line => line.split('=')[0]);
    expect(names).toEqual(expect.arrayContaining(['HOME', 'USER', 'PATH', 'EDGEWISE_LAB_DEVICE']));
    expect(names).not.toContain('SECRET');
    expect(names).not.toContain('NODE_ENV');
  });

  for (const legacy of [false, true]) {
    test(`scp carries 20 MB there and back ${legacy ? 'with its old protocol' : 'over SFTP'}`, async () => {
      const bytes = randomBytes(20_000_000);
      const [local, back] = [join(server.folder, 'local'), join(server.folder, 'back')];
      await writeFile(local, bytes);
      const mode = legacy ? ['-O'] : ['-s'];
      await execFileAsync('scp', [...options(), ...mode, local, '127.0.0.1:scratch/there']);
      await execFileAsync('scp', [...options(), ...mode, '127.0.0.1:scratch/there', back]);
      expect(digestOf(await readFile(join(server.scratch, 'there')))).toBe(digestOf(bytes));
      expect(digestOf(await readFile(back))).toBe(digestOf(bytes));
    });
  }

  test('sftp finds its usual commands working', async () => {
    const batch = join(server.folder, 'batch');
    await writeFile(join(server.folder, 'note'), 'hello');
    await writeFile(
      batch,
      [
        `put ${join(server.folder, 'note')} first`,
        'mkdir shelf',
        'rename first shelf/second',
        'chmod 640 shelf/second',
        'ln -s shelf/second alias',
        'ls -l shelf',
        `get alias ${join(server.folder, 'fetched')}`,
        'mkdir empty',
        'rmdir empty',
        'pwd',
      ].join('\n'),
    );
    const {stdout} = await execFileAsync('sftp', [...options(), '-b', batch, '127.0.0.1']);
    expect(stdout).toContain('-rw-r-----');
    expect(stdout).toContain(`Remote working directory: ${server.home}`);
    expect(await readFile(join(server.folder, 'fetched'), 'utf8')).toBe('hello');
    expect(await readlink(join(server.home, 'alias'))).toBe('shelf/second');
    await expect(stat(join(server.home, 'empty'))).rejects.toThrow('ENOENT');
  });

  test('a forwarded port leads to loopback, and a refused one closes', async () => {
    const forwarding = spawn('ssh', [...options(), '-W', `127.0.0.1:${server.port}`, '127.0.0.1'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const greeting = await new Promise<string>(resolve =>
      forwarding.stdout.once('data', data => resolve(String(data))),
    );
    forwarding.kill();
    expect(greeting).toMatch(/^SSH-2\.0-edgewise-lab/);
    const refused = execFileAsync('ssh', [...options(), '-W', '192.0.2.1:80', '127.0.0.1']);
    await expect(refused).rejects.toThrow(/open failed|forwarding failed/);
  });
});

describe("the lab's SSH server", () => {
  let server: LabServer;
  let client: ssh2.Client;

  beforeAll(async () => {
    server = await startLabServer();
    client = await connectClient(server, await readFile(server.userKeyFile));
  });
  afterAll(async () => {
    client.end();
    await server.stop();
  });

  it('refuses another key, another user and every password', async () => {
    const stranger = await readFile(await makeKey(join(server.folder, 'stranger')));
    await expect(connectClient(server, stranger)).rejects.toThrow('authentication methods failed');
    const own = await readFile(server.userKeyFile);
    await expect(connectClient({...server, user: 'somebody-else'}, own)).rejects.toThrow(
      'authentication methods failed',
    );
    await expect(connectClient(server, undefined, 'password')).rejects.toThrow(
      'authentication methods failed',
    );
  });

  it('passes a signal to the whole foreground group and reports it', async () => {
    const {stream, exit} = await execute(client, 'sleep 300 | cat; echo not reached');
    await vi.waitFor(async () => expect(await countMatching(server, 'sleep 300')).toBe(1), 10_000);
    stream.signal('TERM');
    expect(await exit).toEqual([null, 'SIGTERM']);
    await vi.waitFor(async () => expect(await countMatching(server, 'sleep 300')).toBe(0), 10_000);
  });

  it('ends the foreground group when the connection is lost, and leaves what daemonised itself', async () => {
    const other = await connectClient(server, await readFile(server.userKeyFile));
    const note = join(server.scratch, 'pids');
    await execute(
      other,
      `setsid sleep 301 </dev/null >/dev/null 2>&1 & echo $! >${note}; sleep 302 & echo $! >>${note}; wait`,
    );
    const pids = await vi.waitFor(async () => {
      const numbers = (await readFile(note, 'utf8')).trim().split('\n').map(Number);
      expect(numbers).toHaveLength(2);
      return numbers;
    }, 10_000);
    const [daemon = 0, foreground = 0] = pids;
    other.end();
    await vi.waitFor(async () => expect(await isAlive(foreground)).toBe(false), 10_000);
    expect(await isAlive(daemon)).toBe(true);
    process.kill(daemon, 'SIGKILL');
  });

  it('carries 30 MB through a command without losing, mixing or reordering a byte', async () => {
    const bytes = randomBytes(30_000_000);
    const {stream, exit} = await execute(client, 'head -c 10000000 >&2; cat');
    const [out, err] = [createHash('sha256'), createHash('sha256')];
    stream.on('data', (chunk: Buffer) => out.update(chunk));
    stream.stderr.on('data', (chunk: Buffer) => err.update(chunk));
    stream.end(bytes);
    expect(await exit).toEqual([0, undefined]);
    expect(out.digest('hex')).toBe(digestOf(bytes.subarray(10_000_000)));
    expect(err.digest('hex')).toBe(digestOf(bytes.subarray(0, 10_000_000)));
  });

  it('serves fastPut and fastGet of ssh2', async () => {
    const sftp = await openSftp(client);
    const [local, back] = [join(server.folder, 'fast'), join(server.folder, 'fast-back')];
    const bytes = randomBytes(5_000_001);
    await writeFile(local, bytes);
    await call(done => sftp.fastPut(local, 'scratch/fast', {mode: 0o600}, done));
    await call(done => sftp.fastGet(join(server.scratch, 'fast'), back, done));
    expect(digestOf(await readFile(back))).toBe(digestOf(bytes));
    expect((await stat(join(server.scratch, 'fast'))).mode & 0o777).toBe(0o600);
    sftp.end();
  });

  describe('keeps file transfers inside the home', () => {
    let sftp: ssh2.SFTPWrapper;
    beforeAll(async () => {
      sftp = await openSftp(client);
      await writeFile(join(server.folder, 'secret'), 'secret');
      await symlink('../../secret', join(server.home, 'scratch', 'way-out'));
      await symlink('../../new', join(server.home, 'scratch', 'dangling-way-out'));
      await symlink('../..', join(server.home, 'scratch', 'folder-out'));
    });
    afterAll(() => sftp.end());

    const refusals: Record<string, (done: (error?: Error | null) => void) => void> = {
      'an absolute path elsewhere': done => sftp.stat('/etc/passwd', done),
      'a relative path that climbs out': done => sftp.readFile('../secret', done),
      'a folder beside the home whose name starts alike': done => sftp.stat(`${server.home}-2/x`, done),
      'a link that leads out': done => sftp.readFile('scratch/way-out', done),
      'writing through a link to something missing outside': done =>
        sftp.writeFile('scratch/dangling-way-out', 'x', done),
      'a path through a folder link that leads out': done => sftp.readFile('scratch/folder-out/secret', done),
      'a rename to the outside': done => sftp.rename('scratch/way-out', '../stolen', done),
      'a new folder outside': done => sftp.mkdir('../made', done),
    };
    for (const [name, attempt] of Object.entries(refusals)) {
      it(`refuses ${name}`, async () => {
        await expect(call(attempt)).rejects.toMatchObject({code: 3, message: 'Permission denied'});
      });
    }
    it('still lets a link that leads out be looked at and removed', async () => {
      await call(done => sftp.lstat('scratch/way-out', done));
      await call(done => sftp.unlink('scratch/way-out', done));
      expect(await readFile(join(server.folder, 'secret'), 'utf8')).toBe('secret');
    });
  });

  it('answers what is missing, what exists already and what is no file in the words of the protocol', async () => {
    const sftp = await openSftp(client);
    await call(done => sftp.writeFile('scratch/a', '1', done));
    await call(done => sftp.writeFile('scratch/b', '2', done));
    await expect(call(done => sftp.readFile('scratch/none', done))).rejects.toMatchObject({code: 2});
    await expect(call(done => sftp.rename('scratch/a', 'scratch/b', done))).rejects.toMatchObject({code: 4});
    await expect(call(done => sftp.rmdir('scratch', done))).rejects.toMatchObject({code: 4});
    await expect(call(done => sftp.readdir('scratch/a', error => done(error)))).rejects.toMatchObject({
      code: 2,
    });
    expect(await readFile(join(server.scratch, 'b'), 'utf8')).toBe('2');
    sftp.end();
  });

  it('lists a folder with many files completely', async () => {
    const sftp = await openSftp(client);
    const names = Array.from({length: 300}, (_, index) => `file-${index}`);
    await mkdir(join(server.scratch, 'many'));
    await Promise.all(names.map(name => writeFile(join(server.scratch, 'many', name), name)));
    const list = await new Promise<string[]>((resolve, reject) =>
      sftp.readdir('scratch/many', (error, entries) =>
        error ? reject(error) : resolve(entries.map(({filename}) => filename)),
      ),
    );
    expect(list.sort()).toEqual(names.sort());
    sftp.end();
  });

  it('cuts open connections when it is closed', async () => {
    const passing = await startLabServer();
    const idle = connect(passing.port, '127.0.0.1');
    await new Promise(resolve => idle.once('data', resolve));
    const other = await connectClient(passing, await readFile(passing.userKeyFile));
    const closed = Promise.all([
      new Promise<void>(resolve => idle.once('close', () => resolve())),
      new Promise<void>(resolve => other.once('close', () => resolve())),
    ]);
    idle.on('error', () => {});
    await passing.stop();
    await closed;
  });

  it('says which port is taken', async () => {
    const hostKey = await readFile(server.hostKeyFile, 'utf8');
    const again = startSshServer({
      home: server.home,
      hostKey,
      authorizedKeys: [],
      deviceName: 'pi-8',
      port: server.port,
    });
    await expect(again).rejects.toMatchObject({code: 'port-taken', exitCode: 12});
  });
});

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function connectClient(server: LabServer, privateKey?: Buffer, password?: string): Promise<ssh2.Client> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.once('ready', () => resolve(client));
    client.on('error', reject);
    client.connect({
      host: server.host,
      port: server.port,
      username: server.user,
      ...(privateKey === undefined ? {} : {privateKey}),
      ...(password === undefined ? {} : {password}),
    });
  });
}

async function execute(
  client: ssh2.Client,
  command: string,
): Promise<{stream: ssh2.ClientChannel; exit: Promise<unknown[]>}> {
  const stream = await new Promise<ssh2.ClientChannel>((resolve, reject) =>
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel))),
  );
  const exit = new Promise<unknown[]>(resolve =>
    stream.once('close', (status: number | null, signal?: string) => resolve([status, signal])),
  );
  stream.resume();
  stream.stderr.resume();
  return {stream, exit};
}

function openSftp(client: ssh2.Client): Promise<ssh2.SFTPWrapper> {
  return new Promise((resolve, reject) =>
    client.sftp((error, sftp) => (error ? reject(error) : resolve(sftp))),
  );
}

function call(work: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => work(error => (error ? reject(error) : resolve())));
}

/** How many processes of this server's device have exactly this command line. */
async function countMatching(server: LabServer, commandLine: string): Promise<number> {
  const {stdout} = await execFileAsync('ps', ['-eo', 'pid,args']);
  const pids = stdout
    .split('\n')
    .map(line => /^\s*(\d+) (.*)$/.exec(line))
    .filter(match => match?.[2] === commandLine)
    .map(match => Number(match?.[1]));
  const homes = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return homes.filter(home => home === server.home).length;
}
