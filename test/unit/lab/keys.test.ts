import {execFile} from 'node:child_process';
import {accessSync} from 'node:fs';
import {mkdtemp, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import ssh2 from 'ssh2';
import {expect, it} from 'vitest';
import {createKeyPair, readOrCreateKeyPair} from '../../../src/lab/keys.ts';

const execFileAsync = promisify(execFile);

it('every key pair can be read, fits together and signs', () => {
  // Some encodings go wrong for one key in a few hundred.
  for (let round = 0; round < 1000; round += 1) {
    const pair = createKeyPair('a comment');
    const [privateKey, publicKey] = [
      ssh2.utils.parseKey(pair.privateKey),
      ssh2.utils.parseKey(pair.publicKey),
    ];
    if (privateKey instanceof Error) throw privateKey;
    if (publicKey instanceof Error) throw publicKey;
    expect(privateKey.getPublicSSH().equals(publicKey.getPublicSSH())).toBe(true);
    expect(publicKey.verify('text', privateKey.sign('text'))).toBe(true);
  }
});

it('ssh-keygen reads the private key and finds the same public key in it', async context => {
  try {
    accessSync('/usr/bin/ssh-keygen');
  } catch {
    context.skip('ssh-keygen is not installed here');
  }
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-keys-'));
  const file = join(folder, 'key');
  for (const comment of ['', 'a', 'edgewise-lab-pi-1']) {
    const pair = createKeyPair(comment);
    await writeFile(file, pair.privateKey, {mode: 0o600});
    const {stdout} = await execFileAsync('ssh-keygen', ['-y', '-f', file]);
    expect(stdout.trim()).toBe(pair.publicKey.trim());
  }
  await rm(folder, {recursive: true});
});

it('a key pair is made once, private to the user', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-keys-'));
  const file = join(folder, 'keys', 'id');
  const first = await readOrCreateKeyPair(file, 'mine');
  expect(await readOrCreateKeyPair(file, 'mine')).toEqual(first);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await rm(folder, {recursive: true});
});
