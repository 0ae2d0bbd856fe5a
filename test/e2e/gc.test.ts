import {existsSync} from 'node:fs';
import {copyFile, link, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Garbage} from '../../src/documents/garbage.ts';
import {readLayers} from './fleetProfiles.ts';
import {ROOT, jsonOf, runEdgewise, type Ended} from './runEdgewise.ts';

const hexOf = (digit: string): string => digit.repeat(64);

describe('edgewise gc', () => {
  let folder: string;
  let root: string;
  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(['gc', ...args], {cwd: join(folder, 'project'), home: folder});

  /** A folder of the device made of blobs, as link-tree.sh makes it. */
  async function makeTree(name: string, files: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(join(root, name), {recursive: true});
    for (const [path, blob] of Object.entries(files))
      await link(join(root, 'blobs/sha256', blob), join(root, name, path));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-gc-'));
    root = join(folder, '.edgewise');
    await mkdir(join(root, 'blobs/sha256'), {recursive: true});
    await mkdir(join(folder, 'project'));
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'project/pictures.onnx'));
    await writeFile(
      join(folder, 'project/edgewise.yaml'),
      [
        'kind: edgewise/project',
        'formatVersion: 1',
        'model: {file: pictures.onnx, inputs: {image: [1, 3, 32, 32]}}',
        'devices:',
        '  - {name: here, address: local}',
        '  - {name: gone, address: 127.0.0.1, port: 9}',
        '',
      ].join('\n'),
    );

    // Releases: old, previous, current and one that is to become current; 1000 bytes a weight that only the old one has.
    const blob = (name: string, content: string): Promise<void> =>
      writeFile(join(root, 'blobs/sha256', name), content);
    for (const [digit, runtime] of [
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
      ['4', 'c'],
    ] as const)
      await blob(hexOf(digit), `{\n  "runtime": "sha256:${hexOf(runtime)}"\n}\n`);
    await blob(hexOf('0'), `{"runtime": "sha256:${hexOf('d')}"}`);
    for (const digit of ['5', '6', '7', 'e']) await blob(hexOf(digit), digit.repeat(1000));
    for (const [release, manifest] of ['old', 'previous', 'current', 'next'].entries())
      await makeTree(`releases/${manifest}`, {
        'release.json': hexOf(String(release + 1)),
        weights: hexOf(manifest === 'old' ? '5' : '6'),
      });
    for (const digit of ['a', 'b', 'c', 'd']) {
      await blob(hexOf(digit), `node ${digit}`);
      await makeTree(`runtime/${hexOf(digit)}`, {node: hexOf(digit)});
    }
    await symlink('releases/current', join(root, 'current'));
    await symlink('releases/previous', join(root, 'previous'));
    // A switch that is being taken back: to a release to which no link points at the moment.
    await makeTree('releases/before', {'release.json': hexOf('0')});
    await writeFile(
      join(root, 'reverting.json'),
      JSON.stringify({transaction: '1-a', to: 'next', from: 'current', fromPrevious: 'before'}),
    );
    await makeTree(`gateway/parts/${hexOf('9')}`, {'model.onnx': hexOf('e')});
    await blob(`${hexOf('8')}.partial`, 'x'.repeat(50));
    await blob(`${hexOf('9')}.partial`, 'x'.repeat(50));
    const longAgo = new Date(Date.now() - 30 * 24 * 3600_000);
    await utimes(join(root, 'blobs/sha256', `${hexOf('9')}.partial`), longAgo, longAgo);

    await readLayers(join(folder, 'project'));
    await writeFile(join(folder, 'project/.edgewise/store/sha256', hexOf('f')), 'y'.repeat(300));
  });

  afterAll(() => rm(folder, {recursive: true, force: true}));

  const deviceGarbage = {
    device: 'here',
    releases: ['old'],
    runtimes: [hexOf('a')],
    // The old manifest, its weights, weights of no release at all, the old runtime's file and an old partial upload.
    blobs: 5,
    problem: null,
  };

  it('says what it would remove, and leaves everything', async () => {
    const before = (await readdir(root, {recursive: true})).sort();
    const ended = await edgewise('here', '--dry-run', '--json');
    expect(ended.exitCode, ended.stdout).toBe(0);
    const garbage = jsonOf<Garbage>(ended);
    expect(garbage).toMatchObject({isDryRun: true, here: {files: 1, bytes: 300}, devices: [deviceGarbage]});
    expect((await readdir(root, {recursive: true})).sort()).toEqual(before);
    expect(existsSync(join(folder, 'project/.edgewise/store/sha256', hexOf('f')))).toBe(true);
  });

  it('removes that and no more: never what is current, previous, gone back to or a gateway serves', async () => {
    const dry = jsonOf<Garbage>(await edgewise('here', '--dry-run', '--json'));
    const ended = await edgewise('here', '--json');
    expect(ended.exitCode, ended.stdout).toBe(0);
    expect(jsonOf<Garbage>(ended)).toEqual({...dry, isDryRun: false});
    expect((await readdir(join(root, 'releases'))).sort()).toEqual(['before', 'current', 'next', 'previous']);
    expect((await readdir(join(root, 'runtime'))).sort()).toEqual(['b', 'c', 'd'].map(hexOf));
    expect((await readdir(join(root, 'blobs/sha256'))).sort()).toEqual(
      [...['0', '2', '3', '4', '6', 'b', 'c', 'd', 'e'].map(hexOf), `${hexOf('8')}.partial`].sort(),
    );
    expect(existsSync(join(root, 'lock'))).toBe(false);
    // The compiled model is the newest: it stays.
    expect(await readdir(join(folder, 'project/.edgewise/store/sha256'))).toHaveLength(1);
    const again = jsonOf<Garbage>(await edgewise('here', '--json'));
    expect(again).toMatchObject({
      here: {files: 0},
      devices: [{releases: [], runtimes: [], blobs: 0, bytes: 0}],
    });
  });

  it('looks at the other devices when one cannot be reached, and says so with exit code 12', async () => {
    const {exitCode, stdout} = await edgewise();
    expect(exitCode).toBe(12);
    expect(stdout).toMatch(/^here +0 +0 +0 +0 B$/m);
    expect(stdout).toContain('Not looked at: gone: ');
  });
});
