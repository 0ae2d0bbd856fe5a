import {mkdtempSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openByteSource, openModelFiles} from '../../../src/workspace/byteSource.ts';

describe('a file read by ranges', () => {
  let folder: string;
  let path: string;
  const content = Uint8Array.from({length: 200_000}, (_, index) => (index * 31) % 251);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-ranges-'));
    path = join(folder, 'bytes');
    writeFileSync(path, content);
  });
  afterEach(() => rmSync(folder, {recursive: true, force: true}));

  it.each([
    [0, 10],
    [65_530, 20],
    [0, 200_000],
    [131_071, 2],
    [199_999, 1],
    [200_000, 0],
    [70_000, 65_536],
  ])('gives exactly the bytes from %i on, %i of them, in any order', (offset, length) => {
    const source = openByteSource(path);
    const before = source.read(100, 50);
    expect(source.read(offset, length)).toEqual(content.subarray(offset, offset + length));
    expect(source.read(100, 50)).toEqual(content.subarray(100, 150));
    // What was handed out earlier does not change under later reads.
    expect(before).toEqual(content.subarray(100, 150));
    source.close();
  });

  it.each([
    [200_000, 1],
    [-1, 1],
    [0, 200_001],
  ])('refuses %i, %i, which is outside', (offset, length) => {
    const source = openByteSource(path);
    expect(() => source.read(offset, length)).toThrow(RangeError);
    source.close();
  });

  it('says so when the file became shorter, and when it was closed', () => {
    const source = openByteSource(path);
    truncateSync(path, 100);
    expect(() => source.read(150_000, 10)).toThrow(
      expect.objectContaining({code: 'file-changed', exitCode: 14}),
    );
    source.close();
    source.close();
    expect(() => source.read(80_000, 10)).toThrow(/after it had been closed/);
  });

  it.each(['absent', '.'])('refuses %s, which is no file', name => {
    expect(() => openByteSource(join(folder, name))).toThrow(
      expect.objectContaining({code: 'no-such-file', exitCode: 10}),
    );
  });

  it('finds files beside the model, in folders too, and nothing else', () => {
    const files = openModelFiles(path);
    writeFileSync(join(folder, 'weights'), content.subarray(0, 1000));
    const weights = files.openExternal('weights');
    expect(weights?.sizeBytes).toBe(1000);
    expect(weights?.read(990, 10)).toEqual(content.subarray(990, 1000));
    expect(files.openExternal('elsewhere/weights')).toBeNull();
    expect(files.openExternal('.')).toBeNull();
    files.close();
  });
});
