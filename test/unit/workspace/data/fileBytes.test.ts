import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import {openFileBytes} from '../../../../src/workspace/data/fileBytes.ts';
import {seededNumbers} from '../../../../src/documents/seededNumbers.ts';

it('reads pieces of a file in any order and size as they lie in it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-bytes-'));
  const random = seededNumbers(3);
  const content = Uint8Array.from({length: 200_000}, () => random() * 256);
  await writeFile(join(folder, 'content'), content);
  const file = await openFileBytes(join(folder, 'content'));
  const pieces = Array.from({length: 300}, (_, at) => {
    const start = Math.floor(random() * 210_000);
    return {start, length: Math.floor(random() * (at % 10 === 0 ? 100_000 : 5000))};
  });
  const read = pieces.map(({start, length}) => file.read(start, length));
  for (const [at, {start, length}] of pieces.entries()) {
    const bytes = (await read[at]) ?? new Uint8Array(0);
    expect(Buffer.compare(bytes, content.subarray(start, start + length))).toBe(0);
    // The bytes belong to the caller.
    bytes.fill(0);
  }
  await file.close();
  await rm(folder, {recursive: true});
});
