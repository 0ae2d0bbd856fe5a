import {mkdir, open, readdir, readFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {rolloutFromJson} from '../documents/readDocument.ts';
import type {Rollout, RolloutRecord} from '../documents/rollout.ts';

export interface RolloutJournal {
  readonly file: string;
  readonly rollout: Rollout;
  /** On the disk when it resolves. */
  append(record: RolloutRecord): Promise<void>;
}

const EXTENSION = '.ndjson';

/** A new journal; its head is on the disk when this resolves. */
export async function createJournal(file: string, head: Omit<Rollout, 'records'>): Promise<RolloutJournal> {
  await mkdir(dirname(file), {recursive: true});
  await appendLine(file, {...head, records: []});
  return journalOf(file, {...head, records: []});
}

/** @throws ExpectedError `invalid-document` */
export async function readJournal(file: string): Promise<RolloutJournal> {
  const text = await readFile(file, 'utf8');
  const lines = text.split('\n');
  // A crash leaves a part of a line at the end; what it would have said is read back from the devices.
  const whole = lines.slice(0, -1).filter(line => line !== '');
  const [head = '', ...records] = whole;
  const joined = head === '' ? '{}' : head.replace(/"records":\[\]\}$/, `"records":[${records.join(',')}]}`);
  return journalOf(file, rolloutFromJson(joined, file));
}

/** Files of all journals in a folder, oldest first. */
export async function listJournals(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter(name => name.endsWith(EXTENSION));
  const heads = await Promise.all(
    names.map(async name => ({
      file: join(folder, name),
      at: (await readJournal(join(folder, name))).rollout.madeAt,
    })),
  );
  return heads.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)).map(({file}) => file);
}

export function journalFile(folder: string, id: string): string {
  return join(folder, `${id}${EXTENSION}`);
}

function journalOf(file: string, rollout: Rollout): RolloutJournal {
  let last: Promise<void> = Promise.resolve();
  return {
    file,
    rollout,
    append(record) {
      last = last.then(() => appendLine(file, record));
      return last;
    },
  };
}

async function appendLine(file: string, value: unknown): Promise<void> {
  const handle = await open(file, 'a+');
  try {
    const {size} = await handle.stat();
    const tail = Buffer.alloc(1);
    if (size > 0) await handle.read(tail, 0, 1, size - 1);
    // The part of a line that a crash left must not swallow this one.
    const isTorn = size > 0 && tail.toString() !== '\n';
    if (isTorn) await dropTornLine(handle, size);
    await handle.appendFile(`${JSON.stringify(value)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function dropTornLine(handle: Awaited<ReturnType<typeof open>>, size: number): Promise<void> {
  const text = Buffer.alloc(size);
  await handle.read(text, 0, size, 0);
  await handle.truncate(text.lastIndexOf(0x0a) + 1);
}
