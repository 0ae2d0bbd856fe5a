import {once} from 'node:events';
import {expect, it} from 'vitest';
import {gatherChunks} from '../../../src/lab/gatherChunks.ts';

it('passes a message that came in pieces on in one, and the next one by itself', async () => {
  const gathering = gatherChunks();
  for (const piece of ['a', 'b', 'c']) gathering.write(Buffer.from(piece));
  const [first] = (await once(gathering, 'data')) as [Buffer];
  expect(first.toString()).toBe('abc');
  gathering.write(Buffer.from('d'));
  const [second] = (await once(gathering, 'data')) as [Buffer];
  expect(second.toString()).toBe('d');
});

it('loses nothing at the end', async () => {
  const gathering = gatherChunks();
  const received: Buffer[] = [];
  gathering.on('data', (chunk: Buffer) => received.push(chunk));
  gathering.end(Buffer.from('last'));
  await once(gathering, 'end');
  expect(Buffer.concat(received).toString()).toBe('last');
});
