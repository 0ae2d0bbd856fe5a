import {constants, type Stats} from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  link,
} from 'node:fs/promises';
import type {Dir} from 'node:fs';
import type {FileHandle} from 'node:fs/promises';
import type {Attributes, FileEntry, SFTPWrapper} from 'ssh2';
import {resolveInHome} from './sftpPaths.ts';

// SSH_FXP status codes and open flags of draft-ietf-secsh-filexfer-02 (protocol version 3, the one OpenSSH speaks).
const OK = 0;
const EOF_STATUS = 1;
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;
const FAILURE = 4;
const BAD_MESSAGE = 5;
const OPEN_READ = 0x01;
const OPEN_WRITE = 0x02;
const OPEN_APPEND = 0x04;
const OPEN_CREATE = 0x08;
const OPEN_TRUNCATE = 0x10;
const OPEN_EXCLUSIVE = 0x20;

/** Above what clients ask for; a longer read is answered with fewer bytes, which the protocol allows. */
const MAX_READ_BYTES = 256 * 1024;
const ENTRIES_PER_ANSWER = 64;

type OpenItem =
  | {readonly kind: 'file'; readonly file: FileHandle; readonly appends: boolean}
  | {readonly kind: 'folder'; readonly folder: Dir; readonly path: string};

class StatusError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Serves one SFTP channel; every path stays inside `home`, a real path. */
export function serveSftp(sftp: SFTPWrapper, home: string): void {
  const items = new Map<number, OpenItem>();
  let nextHandle = 1;

  const addItem = (id: number, item: OpenItem): void => {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(nextHandle);
    items.set(nextHandle, item);
    nextHandle += 1;
    sftp.handle(id, handle);
  };
  const itemOf = <K extends OpenItem['kind']>(handle: Buffer, kind: K): Extract<OpenItem, {kind: K}> => {
    const item = handle.length === 4 ? items.get(handle.readUInt32BE()) : undefined;
    if (item?.kind !== kind) throw new StatusError(FAILURE, 'Invalid handle');
    return item as Extract<OpenItem, {kind: K}>;
  };
  let previous: Promise<void> = Promise.resolve();
  /**
   * Answers OK when `work` is done without having answered by itself; a failure is answered with its status. One request
   * after the other, as OpenSSH's server does: its scp 9.2 cuts a file short when the answers come in another order.
   */
  const answer = (id: number, work: () => Promise<'answered' | void>): void => {
    previous = previous.then(work).then(
      result => {
        if (result !== 'answered') sftp.status(id, OK);
      },
      (error: unknown) => {
        sftp.status(id, ...statusOf(error));
      },
    );
  };
  const follow = (path: string): Promise<string> => resolveInHome(home, path);
  const name = (path: string): Promise<string> => resolveInHome(home, path, false);

  sftp.on('OPEN', (id, path, flags, attributes) =>
    answer(id, async () => {
      const file = await open(await follow(path), flagsOf(flags), (attributes.mode ?? 0o666) & 0o7777);
      addItem(id, {kind: 'file', file, appends: (flags & OPEN_APPEND) !== 0});
      return 'answered';
    }),
  );
  sftp.on('READ', (id, handle, offset, length) =>
    answer(id, async () => {
      const {file} = itemOf(handle, 'file');
      const buffer = Buffer.allocUnsafe(Math.min(length, MAX_READ_BYTES));
      const {bytesRead} = await file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) sftp.status(id, EOF_STATUS);
      else sftp.data(id, buffer.subarray(0, bytesRead));
      return 'answered';
    }),
  );
  sftp.on('WRITE', (id, handle, offset, data) =>
    answer(id, async () => {
      const {file, appends} = itemOf(handle, 'file');
      for (let done = 0; done < data.length;) {
        const {bytesWritten} = await file.write(
          data,
          done,
          data.length - done,
          appends ? null : offset + done,
        );
        done += bytesWritten;
      }
    }),
  );
  sftp.on('CLOSE', (id, handle) =>
    answer(id, async () => {
      const key = handle.length === 4 ? handle.readUInt32BE() : 0;
      const item = items.get(key);
      if (item === undefined) throw new StatusError(FAILURE, 'Invalid handle');
      items.delete(key);
      await closeItem(item);
    }),
  );
  sftp.on('STAT', (id, path) =>
    answer(id, async () => {
      sftp.attrs(id, attributesOf(await stat(await follow(path))));
      return 'answered';
    }),
  );
  sftp.on('LSTAT', (id, path) =>
    answer(id, async () => {
      sftp.attrs(id, attributesOf(await lstat(await name(path))));
      return 'answered';
    }),
  );
  sftp.on('FSTAT', (id, handle) =>
    answer(id, async () => {
      sftp.attrs(id, attributesOf(await itemOf(handle, 'file').file.stat()));
      return 'answered';
    }),
  );
  sftp.on('SETSTAT', (id, path, attributes) =>
    answer(id, async () => setAttributes(await follow(path), attributes)),
  );
  sftp.on('FSETSTAT', (id, handle, attributes) =>
    answer(id, async () => setFileAttributes(itemOf(handle, 'file').file, attributes)),
  );
  sftp.on('OPENDIR', (id, path) =>
    answer(id, async () => {
      const resolved = await follow(path);
      addItem(id, {kind: 'folder', folder: await opendir(resolved), path: resolved});
      return 'answered';
    }),
  );
  sftp.on('READDIR', (id, handle) =>
    answer(id, async () => {
      const entries = await readEntries(itemOf(handle, 'folder'));
      if (entries.length === 0) sftp.status(id, EOF_STATUS);
      else sftp.name(id, entries);
      return 'answered';
    }),
  );
  sftp.on('MKDIR', (id, path, attributes) =>
    answer(id, async () =>
      mkdir(await name(path), {mode: (attributes.mode ?? 0o777) & 0o7777}).then(() => {}),
    ),
  );
  sftp.on('RMDIR', (id, path) => answer(id, async () => rmdir(await name(path))));
  sftp.on('REMOVE', (id, path) => answer(id, async () => unlink(await name(path))));
  sftp.on('RENAME', (id, from, to) =>
    answer(id, async () => renameWithoutReplacing(await name(from), await name(to))),
  );
  sftp.on('READLINK', (id, path) =>
    answer(id, async () => {
      const target = await readlink(await name(path));
      sftp.name(id, [{filename: target, longname: target, attrs: emptyAttributes()}]);
      return 'answered';
    }),
  );
  sftp.on('SYMLINK', (id, linkPath, target) => answer(id, async () => symlink(target, await name(linkPath))));
  sftp.on('REALPATH', (id, path) =>
    answer(id, async () => {
      const resolved = await follow(path);
      const real = await realpath(resolved).catch(() => resolved);
      sftp.name(id, [{filename: real, longname: real, attrs: emptyAttributes()}]);
      return 'answered';
    }),
  );
  sftp.on('close', () => {
    for (const item of items.values()) void closeItem(item).catch(() => {});
    items.clear();
  });
  sftp.on('end', () => {
    void previous.then(() => endWithStatusZero(sftp));
  });
  sftp.on('error', () => sftp.end());
}

/** OpenSSH's scp takes a subsystem that ends without an exit status for a failure, and ssh2 has no public way to send one. */
function endWithStatusZero(sftp: SFTPWrapper): void {
  const channel = sftp as unknown as {
    outgoing: {id: number; state: string};
    _protocol: {exitStatus(channelId: number, status: number): void};
  };
  if (channel.outgoing.state === 'open') channel._protocol.exitStatus(channel.outgoing.id, 0);
  sftp.end();
}

async function closeItem(item: OpenItem): Promise<void> {
  await (item.kind === 'file' ? item.file.close() : item.folder.close());
}

function statusOf(error: unknown): [number, string] {
  if (error instanceof StatusError) return [error.status, error.message];
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return [NO_SUCH_FILE, 'No such file'];
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return [PERMISSION_DENIED, 'Permission denied'];
    case 'ENAMETOOLONG':
    case 'EINVAL':
      return [BAD_MESSAGE, 'Bad message'];
    default:
      // A full disk too: version 3 of the protocol has no code of its own for it, and OpenSSH says no more than this.
      return [FAILURE, 'Failure'];
  }
}

function flagsOf(flags: number): number {
  const both = OPEN_READ | OPEN_WRITE;
  let result: number =
    (flags & both) === both
      ? constants.O_RDWR
      : (flags & OPEN_WRITE) !== 0
        ? constants.O_WRONLY
        : constants.O_RDONLY;
  if (flags & OPEN_APPEND) result |= constants.O_APPEND;
  if (flags & OPEN_CREATE) result |= constants.O_CREAT;
  if (flags & OPEN_TRUNCATE) result |= constants.O_TRUNC;
  if (flags & OPEN_EXCLUSIVE) result |= constants.O_EXCL;
  return result;
}

function attributesOf(stats: Stats): Attributes {
  return {
    mode: stats.mode,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    atime: Math.trunc(stats.atimeMs / 1000),
    mtime: Math.trunc(stats.mtimeMs / 1000),
  };
}

function emptyAttributes(): Attributes {
  return {} as Attributes;
}

/** What the client left out is left alone; an owner is only ever this user, so a change of owner is passed over. */
async function setAttributes(path: string, attributes: Partial<Attributes>): Promise<void> {
  if (attributes.size !== undefined) await truncate(path, attributes.size);
  if (attributes.mode !== undefined) await chmod(path, attributes.mode & 0o7777);
  if (attributes.atime !== undefined && attributes.mtime !== undefined)
    await utimes(path, attributes.atime, attributes.mtime);
}

async function setFileAttributes(file: FileHandle, attributes: Partial<Attributes>): Promise<void> {
  if (attributes.size !== undefined) await file.truncate(attributes.size);
  if (attributes.mode !== undefined) await file.chmod(attributes.mode & 0o7777);
  if (attributes.atime !== undefined && attributes.mtime !== undefined)
    await file.utimes(attributes.atime, attributes.mtime);
}

/** Version 3 of the protocol refuses to rename onto something that exists, and clients rely on that. */
async function renameWithoutReplacing(from: string, to: string): Promise<void> {
  const stats = await lstat(from);
  if (stats.isDirectory()) {
    const isThere = await lstat(to).then(
      () => true,
      () => false,
    );
    if (isThere) throw new StatusError(FAILURE, 'Failure');
    return rename(from, to);
  }
  await link(from, to);
  await unlink(from);
}

async function readEntries(item: {readonly folder: Dir; readonly path: string}): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  while (entries.length < ENTRIES_PER_ANSWER) {
    const entry = await item.folder.read();
    if (entry === null) break;
    const stats = await lstat(`${item.path}/${entry.name}`).catch(() => null);
    if (stats === null) continue;
    const attrs = attributesOf(stats);
    entries.push({filename: entry.name, longname: longNameOf(entry.name, stats), attrs});
  }
  return entries;
}

/** The line `ls -l` would print; OpenSSH's sftp shows it as it is. */
function longNameOf(name: string, stats: Stats): string {
  const type = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-';
  const bits = [...'rwxrwxrwx']
    .map((letter, index) => (stats.mode & (0o400 >> index) ? letter : '-'))
    .join('');
  const when = stats.mtime.toISOString().slice(0, 16).replace('T', ' ');
  return `${type}${bits} ${stats.nlink} ${stats.uid} ${stats.gid} ${String(stats.size).padStart(10)} ${when} ${name}`;
}
