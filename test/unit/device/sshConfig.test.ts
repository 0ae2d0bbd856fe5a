import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {execFileSync, spawnSync} from 'node:child_process';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {readSshConfig} from '../../../src/device/readSshConfig.ts';
import {resolveHost, type HostRequest} from '../../../src/device/resolveHost.ts';
import {
  expandPath,
  expandTokens,
  parseProxyJump,
  resolveHostSettings,
} from '../../../src/device/sshConfig.ts';

const hasSsh = spawnSync('ssh', ['-V']).error === undefined;
if (!hasSsh) console.warn('ssh -G: left out, ssh is not installed here');

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'edgewise-ssh-config-'));
});
afterAll(() => rmSync(home, {recursive: true, force: true}));

const environment = {USER: 'me', KEYS: '/keys'};
let fileCount = 0;

async function read(text: string) {
  const file = join(home, `config-${(fileCount += 1)}`);
  writeFileSync(file, text);
  return {file, files: await readSshConfig(file, {home, environment})};
}

async function resolve(text: string, request: Partial<HostRequest> = {}) {
  const {files} = await read(text);
  return resolveHost(files, {address: 'pi', acceptNewHostKeys: false, environment, home, ...request});
}

describe('which blocks count', () => {
  const table: [title: string, text: string, user: string][] = [
    ['the first value wins', 'Host pi\n User one\nHost *\n User two\n', 'one'],
    ['values before any Host are for all', 'User early\nHost pi\n User late\n', 'early'],
    ['a negated pattern takes the host out', 'Host * !pi\n User not\nHost *\n User two\n', 'two'],
    ['? is one character', 'Host p?\n User one\n', 'one'],
    ['? is not none', 'Host pi?\n User one\nHost *\n User two\n', 'two'],
    ['keywords and "=" in any case', 'hOsT=pi\n uSeR = one\n', 'one'],
    ['quoted values', 'Host "pi"\n User "one two"\n', 'one two'],
    [
      'Match host looks at HostName',
      'Host pi\n HostName pi.example.com\nMatch host *.example.com\n User one\n',
      'one',
    ],
    [
      'Match originalhost looks at the alias',
      'Host pi\n HostName x.example.com\nMatch originalhost pi\n User one\n',
      'one',
    ],
    ['a negated criterion', 'Match !host pi\n User not\nMatch !host other\n User one\n', 'one'],
    [
      'all criteria have to hold',
      'Match host pi user root\n User not\nMatch host pi localuser me\n User one\n',
      'one',
    ],
    ['Match all', 'Match all\n User one\n', 'one'],
    ['Match final comes at the end', 'Match final\n User last\nHost pi\n Port 23\n', 'last'],
    ['Match exec is never run and never holds', 'Match exec "true"\n User not\nHost *\n User two\n', 'two'],
    [
      'not even when negated',
      'Match !exec "false"\n User not\nMatch host pi exec "true"\n User not\nHost *\n User two\n',
      'two',
    ],
    ['a comment behind a value', 'Host pi\n User one # the first\n', 'one'],
  ];
  for (const [title, text, user] of table) {
    it(title, async () => {
      expect((await resolve(text)).user).toBe(user);
    });
  }

  // OpenSSH itself is the reference; `Match exec` is left out because ssh would run it, `localuser` because ssh asks the system who that is.
  for (const [title, text, user] of table.filter(([, text]) => !/exec|localuser/.test(text))) {
    it.skipIf(!hasSsh)(`ssh -G says the same: ${title}`, async () => {
      const {file} = await read(text);
      const answer = execFileSync('ssh', ['-G', '-F', file, 'pi'], {
        env: {...process.env, HOME: home},
        stdio: ['ignore', 'pipe', 'ignore'],
      }).toString();
      const said = /^user (.*)$/m.exec(answer)?.[1];
      expect(said).toBe(user);
    });
  }

  it('leaves a note for every block that is passed over', async () => {
    const {notes} = await resolve('Match exec "id"\n User a\nMatch localnetwork 10.0.0.0/8\n User b\n');
    expect(notes).toHaveLength(2);
    expect(notes[0]).toContain('Match exec');
    expect(notes[1]).toContain('localnetwork');
  });

  it('reads includes where they stand, within the block that they stand in', async () => {
    mkdirSync(join(home, '.ssh', 'd'), {recursive: true});
    writeFileSync(join(home, '.ssh', 'd', '1.conf'), 'Host pi\n User one\n');
    writeFileSync(join(home, '.ssh', 'd', '2.conf'), 'User two\n');
    writeFileSync(join(home, '.ssh', 'd', '.hidden.conf'), 'User hidden\n');
    expect((await resolve('Include d/*.conf\nHost *\n User late\n')).user).toBe('one');
    expect((await resolve('Include ~/.ssh/d/2.conf\n')).user).toBe('two');
    expect((await resolve('Host other\n Include d/2.conf\nHost *\n User late\n')).user).toBe('late');
    expect((await resolve('Include nowhere/*.conf missing.conf\nUser late\n')).user).toBe('late');
  });

  it('refuses a file that includes itself', async () => {
    mkdirSync(join(home, '.ssh'), {recursive: true});
    writeFileSync(join(home, '.ssh', 'circle'), 'Include circle\n');
    await expect(read('Include circle\n')).rejects.toMatchObject({code: 'ssh-config-invalid', exitCode: 10});
  });

  it('refuses a file that it cannot read or that is broken', async () => {
    await expect(readSshConfig(join(home, 'nowhere'), {home, environment})).rejects.toMatchObject({
      code: 'ssh-config-invalid',
    });
    await expect(read('Host "pi\n')).rejects.toMatchObject({code: 'ssh-config-invalid'});
    await expect(read('Port \nUser me\n')).rejects.toMatchObject({code: 'ssh-config-invalid'});
    await expect(read('Host\n')).rejects.toMatchObject({code: 'ssh-config-invalid'});
  });
});

describe('resolveHost', () => {
  it('fills in what nobody says', async () => {
    expect(await resolve('')).toMatchObject({
      hostName: 'pi',
      port: 22,
      user: 'me',
      usesIdentitiesOnly: false,
      agentSocket: undefined,
      lookupNames: ['pi'],
      userKnownHostsFiles: [join(home, '.ssh/known_hosts'), join(home, '.ssh/known_hosts2')],
      globalKnownHostsFiles: ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      acceptsNewHostKeys: false,
      jumps: [],
      notes: [],
    });
  });

  it('puts the project before the configuration', async () => {
    const host = await resolve('Host pi\n User config\n Port 23\n IdentityFile /config-key\n', {
      user: 'project',
      port: 24,
      identityFile: '~/key',
    });
    expect(host).toMatchObject({user: 'project', port: 24});
    expect(host.identityFiles.map(({path}) => path)).toEqual([`${home}/key`, '/config-key']);
  });

  it('expands tokens, variables and the home folder', async () => {
    const host = await resolve(
      'Host pi\n HostName %h.example.com\n Port 2200\n User root\n IdentityFile ~/.ssh/%r@%h:%p-%n-%u-%%\n IdentityFile ${KEYS}/%h\n IdentityFile %d/last\n',
    );
    expect(host.hostName).toBe('pi.example.com');
    expect(host.identityFiles.map(({path}) => path)).toEqual([
      `${home}/.ssh/root@pi.example.com:2200-pi-me-%`,
      '/keys/pi.example.com',
      `${home}/last`,
    ]);
    expect(host.lookupNames).toEqual(['[pi.example.com]:2200', 'pi.example.com']);
  });

  it('looks for the alias of the host key, without a port', async () => {
    expect((await resolve('Host pi\n Port 2200\n HostKeyAlias The-Device\n')).lookupNames).toEqual([
      'the-device',
    ]);
  });

  for (const [setting, socket] of [
    ['', '/agent'],
    ['IdentityAgent none', undefined],
    ['IdentityAgent SSH_AUTH_SOCK', '/agent'],
    ['IdentityAgent $OTHER', '/other'],
    ['IdentityAgent ~/%u.sock', '/HOME/me.sock'],
  ] as const) {
    it(`finds the agent: ${setting || 'no setting'}`, async () => {
      const host = await resolve(`Host pi\n ${setting}\n`, {
        environment: {...environment, SSH_AUTH_SOCK: '/agent', OTHER: '/other'},
      });
      expect(host.agentSocket?.replace(home, '/HOME')).toBe(socket);
    });
  }

  it('never makes checking weaker than the person who calls', async () => {
    expect((await resolve('StrictHostKeyChecking yes\n', {acceptNewHostKeys: true})).acceptsNewHostKeys).toBe(
      true,
    );
    expect((await resolve('StrictHostKeyChecking accept-new\n')).acceptsNewHostKeys).toBe(true);
    for (const value of ['no', 'off']) {
      const host = await resolve(`StrictHostKeyChecking ${value}\n`);
      expect(host.acceptsNewHostKeys).toBe(false);
      expect(host.notes.join()).toContain(`StrictHostKeyChecking ${value}`);
    }
  });

  it('keeps an eye on the connection whatever the configuration says', async () => {
    expect((await resolve('ServerAliveInterval 0\n')).keepaliveMs).toBe(3000);
    expect((await resolve('ServerAliveInterval 600\n')).keepaliveMs).toBe(3500);
    expect((await resolve('ServerAliveInterval 1\n')).keepaliveMs).toBe(1000);
    expect((await resolve('ConnectTimeout 4\n')).connectTimeoutMs).toBe(4000);
  });

  it('refuses what it must not pass over in silence', async () => {
    for (const setting of ['ProxyCommand nc %h %p', 'RevokedHostKeys /etc/ssh/revoked']) {
      await expect(resolve(`Host pi\n ${setting}\n`)).rejects.toMatchObject({
        code: 'ssh-setting-unsupported',
        exitCode: 11,
      });
    }
    await expect(resolve('Host pi\n ProxyJump a b,,c\n')).rejects.toMatchObject({code: 'ssh-config-invalid'});
    expect((await resolve('Host pi\n ProxyCommand none\n')).jumps).toEqual([]);
    expect((await resolve('Host pi\n CertificateFile x\n')).notes.join()).toContain('certificatefile');
  });
});

describe('parseProxyJump', () => {
  const table: [value: string, jumps: unknown][] = [
    ['none', []],
    ['gate', [{host: 'gate'}]],
    ['me@gate:2200', [{host: 'gate', user: 'me', port: 2200}]],
    ['a,b@c:3', [{host: 'a'}, {host: 'c', user: 'b', port: 3}]],
    ['[::1]:22', [{host: '::1', port: 22}]],
    ['ssh://me@gate:2200', [{host: 'gate', user: 'me', port: 2200}]],
    ['a,,b', undefined],
    ['gate:port', undefined],
  ];
  for (const [value, jumps] of table)
    it(`reads "${value}"`, () => expect(parseProxyJump(value)).toEqual(jumps));
});

describe('expanding', () => {
  it('leaves tokens and variables that it does not know', () => {
    expect(expandTokens('%h %q %%h', {h: 'pi'})).toBe('pi %q %h');
    expect(expandPath('${NOWHERE}/x', '/home/me', {})).toBe('${NOWHERE}/x');
    expect(expandPath('~other/x', '/home/me', {})).toBe('~other/x');
  });

  it('does not take the name of a property for a token', () => {
    expect(
      resolveHostSettings([], {alias: 'constructor', user: undefined, localUser: 'me'}).values.size,
    ).toBe(0);
  });
});
