import {execFile} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {
  formatKnownHost,
  hostKeyFromBlob,
  judgeHostKey,
  lookupNameOf,
  matchesHosts,
  parseKnownHosts,
  type HostKey,
} from '../../src/device/knownHosts.ts';
import {
  isOpenSshInstalled,
  makeKey,
  publicKeyOf,
  startOpenSshServer,
  type OpenSshServer,
} from './sshServers.ts';

const run = promisify(execFile);
const isInstalled = isOpenSshInstalled() || process.env.EDGEWISE_REQUIRE_OPENSSH === '1';
if (!isInstalled) console.warn('known_hosts beside OpenSSH: left out, it is not installed here');

const FILES = 200;
const FILES_FOR_SSH = 12;

/** How a line names its hosts, in all the forms that sshd(8) has. */
const hostField = (names: readonly string[]): fc.Arbitrary<string> => {
  const name = fc.constantFrom(
    ...names,
    'other.example',
    '*',
    '127.0.0.*',
    '*.example',
    '?ost',
    '[127.0.0.1]:*',
  );
  const negated = fc.tuple(fc.boolean(), name).map(([isNegated, text]) => (isNegated ? `!${text}` : text));
  const list = fc.array(negated, {minLength: 1, maxLength: 3}).map(parts => parts.join(','));
  const hashed = fc
    .tuple(fc.constantFrom(...names, 'other.example'), fc.uint8Array({minLength: 20, maxLength: 20}))
    .map(([text, salt]) => formatKnownHost(text, {type: 't', base64: 'k'}, Buffer.from(salt)).split(' ')[0]!);
  return fc.oneof({weight: 3, arbitrary: list}, {weight: 2, arbitrary: hashed}, {weight: 2, arbitrary: name});
};

describe.skipIf(!isInstalled)('known_hosts beside OpenSSH', () => {
  let folder: string;
  let server: OpenSshServer;
  let keys: HostKey[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-known-hosts-'));
    server = (await startOpenSshServer())!;
    const others = await Promise.all(
      (['ed25519', 'ecdsa'] as const).map(type => makeKey(join(folder, `other-${type}`), type)),
    );
    const texts = await Promise.all([server.hostKeyFile, ...others].map(publicKeyOf));
    keys = texts.map(text => hostKeyFromBlob(Buffer.from(text.split(' ')[1]!, 'base64'))!);
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, {recursive: true, force: true});
  });

  /** The first key is the server's own. */
  const fileText = (names: readonly string[]): fc.Arbitrary<string> =>
    fc
      .array(
        fc.oneof(
          {
            weight: 8,
            arbitrary: fc
              .tuple(
                fc.constantFrom('', '', '', '@revoked ', '@cert-authority '),
                hostField(names),
                fc.constantFrom(...keys),
                fc.constantFrom('', ' a comment'),
              )
              .map(
                ([marker, hosts, key, comment]) => `${marker}${hosts} ${key.type} ${key.base64}${comment}`,
              ),
          },
          {weight: 1, arbitrary: fc.constantFrom('# a comment', '', '   ', 'half a-line', '@unknown x y z')},
        ),
        {minLength: 1, maxLength: 8},
      )
      .map(lines => `${lines.join('\n')}\n`);

  it(`finds the same lines as ssh-keygen -F in ${FILES} files`, async () => {
    const names = ['127.0.0.1', `[127.0.0.1]:${server.port}`, 'host', '[host]:2222'];
    const samples = fc.sample(fc.tuple(fileText(names), fc.constantFrom(...names)), {
      numRuns: FILES,
      seed: 11,
    });
    let found = 0;
    for (const [index, [text, name]] of samples.entries()) {
      const file = join(folder, `file-${index}`);
      await writeFile(file, text);
      const {stdout} = await run('ssh-keygen', ['-F', name, '-f', file]).catch(
        (error: {stdout?: string; code?: number}) => {
          if (error.code !== 1) throw error as Error;
          return {stdout: error.stdout ?? ''};
        },
      );
      const theirs = [...stdout.matchAll(/^# Host .* found: line (\d+)/gm)].map(match => Number(match[1]));
      const ours = parseKnownHosts(text, file)
        .filter(({hosts}) => matchesHosts(hosts, name))
        .map(({line}) => line);
      expect(ours, `${name} in\n${text}`).toEqual(theirs);
      found += theirs.length > 0 ? 1 : 0;
    }
    // Files in which nothing is found, or something always is, would show little.
    expect(found).toBeGreaterThan(FILES / 5);
    expect(found).toBeLessThan(FILES);
  });

  it(`lets ssh in where we would, and nowhere else, with ${FILES_FOR_SSH} files`, async () => {
    const name = lookupNameOf(server.host, server.port);
    const samples = fc.sample(fileText([name, server.host]), {numRuns: FILES_FOR_SSH, seed: 5});
    for (const text of samples) {
      const file = join(folder, 'for-ssh');
      await writeFile(file, text);
      const options = Object.entries({
        BatchMode: 'yes',
        StrictHostKeyChecking: 'yes',
        UserKnownHostsFile: file,
        GlobalKnownHostsFile: '/dev/null',
        HostKeyAlgorithms: 'ssh-ed25519',
        CheckHostIP: 'no',
      }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
      const where = ['-p', String(server.port), '-i', server.userKeyFile, `${server.user}@${server.host}`];
      const isLetIn = await run('ssh', ['-F', 'none', ...options, ...where, 'true']).then(
        () => true,
        () => false,
      );
      const entries = parseKnownHosts(text, file);
      const verdict = judgeHostKey(entries, [name, server.host], keys[0]!);
      expect(verdict.kind === 'known', `${verdict.kind} in\n${text}`).toBe(isLetIn);
    }
  });
});
