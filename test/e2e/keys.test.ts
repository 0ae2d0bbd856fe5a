import {readFile, stat, chmod} from 'node:fs/promises';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import type {KeyFacts} from '../../src/workflows/signingKeys.ts';
import {inTemporaryFolder, jsonOf, runEdgewise} from './runEdgewise.ts';

it('keys are made once, for their owner alone, encrypted where asked for, and shown without the private part', async () => {
  await inTemporaryFolder(async home => {
    const run = (args: readonly string[], environment: Record<string, string> = {}) =>
      runEdgewise([...args, '--json'], {cwd: home, home, environment});
    expect(jsonOf(await run(['keys', 'show']))).toMatchObject({error: {code: 'signing-key-missing'}});
    const made = jsonOf<KeyFacts>(
      await run(['keys', 'create'], {EDGEWISE_KEY_PASSPHRASE: 'three words here'}),
    );
    const file = join(home, '.config/edgewise/signing-key.pem');
    expect(made.file).toBe(file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const pem = await readFile(file, 'utf8');
    expect(pem).toContain('ENCRYPTED');
    const again = await run(['keys', 'create']);
    expect(again.exitCode).toBe(2);
    expect(await readFile(file, 'utf8')).toBe(pem);
    expect(jsonOf(await run(['keys', 'show']))).toMatchObject({error: {code: 'signing-key-unusable'}});
    const shown = await run(['keys', 'show'], {EDGEWISE_KEY_PASSPHRASE: 'three words here'});
    expect(jsonOf(shown)).toEqual(made);
    expect(shown.stdout).not.toContain('PRIVATE');
    await chmod(file, 0o644);
    expect(jsonOf(await run(['keys', 'show']))).toMatchObject({error: {code: 'signing-key-unusable'}});
  });
});
