import {execFileSync, spawnSync} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {
  fingerprintOf,
  formatKnownHost,
  judgeHostKey,
  knownKeyTypes,
  lookupNameOf,
  matchesHosts,
  parseKnownHosts,
  type HostKey,
} from '../../../src/device/knownHosts.ts';

/** A key of the given type whose bytes are made up: these functions never use it as one. */
function fakeKey(type: string, seed: string): HostKey {
  const name = Buffer.from(type);
  const body = createHash('sha256').update(seed).digest();
  const length = (size: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(size);
    return bytes;
  };
  return {
    type,
    base64: Buffer.concat([length(name.length), name, length(body.length), body]).toString('base64'),
  };
}

const ed25519 = fakeKey('ssh-ed25519', 'one');
const other = fakeKey('ssh-ed25519', 'two');
const rsa = fakeKey('ssh-rsa', 'three');
const line = (hosts: string, key: HostKey) => `${hosts} ${key.type} ${key.base64}`;

describe('parseKnownHosts', () => {
  it('passes over comments, blank lines, markers it does not know and lines that hold no key', () => {
    const text = [
      '# host ssh-ed25519 AAAA',
      '',
      '   ',
      `  ${line('a', ed25519)} a comment`,
      `@new-marker ${line('b', ed25519)}`,
      'c ssh-ed25519',
      'd 1024 35 1234567',
      `e ssh-rsa ${ed25519.base64}`,
      `@revoked\t${line('f', ed25519)}`,
    ].join('\r\n');
    expect(
      parseKnownHosts(text, 'file').map(({line: number, hosts, marker}) => [number, hosts, marker]),
    ).toEqual([
      [4, 'a', 'none'],
      [9, 'f', 'revoked'],
    ]);
  });
});

describe('matchesHosts', () => {
  const table: [hosts: string, name: string, isMatch: boolean][] = [
    ['pi', 'pi', true],
    ['pi', 'pi2', false],
    ['PI', 'pi', true],
    ['pi,10.0.0.7', '10.0.0.7', true],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'example.com', false],
    ['pi-?', 'pi-7', true],
    ['pi-?', 'pi-', false],
    ['pi-?', 'pi-77', false],
    ['*,!pi-9', 'pi-9', false],
    ['*,!pi-9', 'pi-8', true],
    ['!pi-9', 'pi-8', false],
    ['!pi-9,*', 'pi-9', false],
    ['[pi]:2222', '[pi]:2222', true],
    ['[pi]:2222', 'pi', false],
    ['[*.example.com]:22??', '[a.example.com]:2222', true],
    ['pi', '[pi]:2222', false],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['*', '[::1]:2222', true],
    ['', 'pi', false],
  ];
  for (const [hosts, name, isMatch] of table) {
    it(`${isMatch ? 'finds' : 'does not find'} ${name} in "${hosts}"`, () =>
      expect(matchesHosts(hosts, name)).toBe(isMatch));
  }

  it('takes no time over a pattern made to take long', () => {
    expect(matchesHosts(`${'*a'.repeat(500)}b`, 'a'.repeat(5000))).toBe(false);
  });
});

const SSH_KEYGEN = 'ssh-keygen';
const hasSshKeygen = spawnSync(SSH_KEYGEN, ['-?']).error === undefined;
if (!hasSshKeygen) console.warn('ssh-keygen -F: left out, ssh-keygen is not installed here');

describe.skipIf(!hasSshKeygen)('the same answers as ssh-keygen -F', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-known-hosts-'));
  const file = join(folder, 'known_hosts');
  afterAll(() => rmSync(folder, {recursive: true, force: true}));

  const linesFoundBySsh = (text: string, name: string): number[] => {
    writeFileSync(file, text);
    try {
      const answer = execFileSync(SSH_KEYGEN, ['-F', name, '-f', file], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }).toString();
      return [...answer.matchAll(/^# Host .* found: line (\d+)/gm)].map(([, number]) => Number(number));
    } catch {
      return [];
    }
  };
  const linesFoundByUs = (text: string, name: string) =>
    parseKnownHosts(text, file)
      .filter(entry => matchesHosts(entry.hosts, name))
      .map(entry => entry.line);
  const real = (name: string) => {
    execFileSync(SSH_KEYGEN, ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
    const [type = '', base64 = ''] = readFileSync(join(folder, `${name}.pub`), 'utf8').split(' ');
    return {type, base64};
  };
  let key: HostKey;
  beforeAll(() => {
    key = real('key');
  });

  it('for a file with everything in it', () => {
    const text = [
      line('pi', key),
      line('pi,gateway,10.0.0.7', key),
      line('*.example.com,!secret.example.com', key),
      line('[pi]:2222', key),
      line('[*]:22??', key),
      formatKnownHost('pi', key, randomBytes(20)),
      formatKnownHost('[pi]:2222', key, randomBytes(20)),
      `@revoked ${line('*', key)}`,
      `@cert-authority ${line('*.example.com', key)}`,
      '# a comment',
      line('pi-?', key),
    ].join('\n');
    for (const name of [
      'pi',
      'pi-7',
      'gateway',
      '10.0.0.7',
      'a.example.com',
      'secret.example.com',
      '[pi]:2222',
      '[pi]:2200',
      '[x]:22',
      'nobody',
    ]) {
      expect([name, linesFoundByUs(text, name)]).toEqual([name, linesFoundBySsh(text, name)]);
    }
  });

  it('for lists of patterns made at random', () => {
    const letter = fc.constantFrom('a', 'b', '*', '?', '.', '-');
    const pattern = fc
      .tuple(fc.constantFrom('', '', '!'), fc.string({unit: letter, minLength: 1, maxLength: 5}))
      .map(parts => parts.join(''));
    const name = fc
      .string({unit: fc.constantFrom('a', 'b', '.', '-'), minLength: 1, maxLength: 5})
      .filter(text => !text.startsWith('-'));
    fc.assert(
      fc.property(
        fc.array(fc.array(pattern, {minLength: 1, maxLength: 3}), {minLength: 1, maxLength: 12}),
        name,
        (lists, host) => {
          const text = lists.map(list => line(list.join(','), key)).join('\n');
          expect(linesFoundByUs(text, host)).toEqual(linesFoundBySsh(text, host));
        },
      ),
      {numRuns: 60},
    );
  });

  it('for fingerprints', () => {
    expect(execFileSync(SSH_KEYGEN, ['-lf', join(folder, 'key.pub')]).toString()).toContain(
      ` ${fingerprintOf(key.base64)} `,
    );
  });

  it('for names hashed by ssh-keygen -H', () => {
    writeFileSync(file, `${line('pi', key)}\n${line('[pi]:2222', key)}\n`);
    execFileSync(SSH_KEYGEN, ['-H', '-f', file], {stdio: 'ignore'});
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^\|1\|/);
    expect(linesFoundByUs(text, 'pi')).toEqual([1]);
    expect(linesFoundByUs(text, '[pi]:2222')).toEqual([2]);
  });
});

describe('judgeHostKey', () => {
  const names = ['[pi]:2222', 'pi'];
  const judge = (text: string, key: HostKey) => {
    const verdict = judgeHostKey(parseKnownHosts(text, 'f'), names, key);
    return verdict.kind === 'unknown' ? 'unknown' : `${verdict.kind} by line ${verdict.entry.line}`;
  };
  const table: [title: string, lines: string[], verdict: string][] = [
    ['a host that is nowhere is unknown', [line('elsewhere', ed25519)], 'unknown'],
    ['the key on file is known', [line('[pi]:2222', ed25519)], 'known by line 1'],
    [
      'one of several keys is enough',
      [line('[pi]:2222', other), line('[pi]:2222', ed25519)],
      'known by line 2',
    ],
    ['another key of the type is a change', [line('[pi]:2222', other)], 'changed by line 1'],
    [
      'the line named is the one of the same type',
      [line('[pi]:2222', rsa), line('[pi]:2222', other)],
      'changed by line 2',
    ],
    ['a key of another type is a change too', [line('[pi]:2222', rsa)], 'changed by line 1'],
    ['the key on file without the port is known', [line('pi', ed25519)], 'known by line 1'],
    ['another key on file without the port says nothing', [line('pi', other)], 'unknown'],
    [
      'a revoked key is revoked wherever else it stands',
      [line('[pi]:2222', ed25519), `@revoked ${line('*', ed25519)}`],
      'revoked by line 2',
    ],
    [
      'a revoked key under the name without the port',
      [line('[pi]:2222', ed25519), `@revoked ${line('pi', ed25519)}`],
      'revoked by line 2',
    ],
    [
      'another key that is revoked does not matter',
      [`@revoked ${line('*', other)}`, line('[pi]:2222', ed25519)],
      'known by line 2',
    ],
    [
      'an authority is no key of the host',
      [`@cert-authority ${line('*', ed25519)}`],
      'needs-certificate by line 1',
    ],
    [
      'an authority beside the key',
      [`@cert-authority ${line('*', other)}`, line('[pi]:2222', ed25519)],
      'known by line 2',
    ],
  ];
  for (const [title, lines, verdict] of table)
    it(title, () => expect(judge(lines.join('\n'), ed25519)).toBe(verdict));

  it('lists the types on file, each once, those of authorities and revoked keys not', () => {
    const entries = parseKnownHosts(
      [
        line('pi', rsa),
        line('[pi]:2222', ed25519),
        line('[pi]:2222', other),
        `@revoked ${line('*', fakeKey('ecdsa-sha2-nistp256', 'x'))}`,
      ].join('\n'),
      'f',
    );
    expect(knownKeyTypes(entries, names)).toEqual(['ssh-ed25519', 'ssh-rsa']);
  });
});

describe('lookupNameOf', () => {
  it('leaves port 22 out and writes names small', () => {
    expect(lookupNameOf('Pi.Local', 22)).toBe('pi.local');
    expect(lookupNameOf('Pi.Local', 2222)).toBe('[pi.local]:2222');
    expect(lookupNameOf('::1', 2222)).toBe('[::1]:2222');
  });
});
