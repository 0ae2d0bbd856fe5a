import {existsSync} from 'node:fs';
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';

/** What a device and the cloud of a lab hold, but for what changes by itself: files by name, and what serves. */
export async function whatIsThere(lab: string, device: string): Promise<readonly string[]> {
  const root = join(lab, 'devices', device, '.edgewise');
  const listed = async (folder: string): Promise<string[]> =>
    existsSync(folder) ? (await readdir(folder, {recursive: true})).map(name => `${folder}: ${name}`) : [];
  const blobs = await listed(join(root, 'blobs'));
  const releases = await listed(join(root, 'releases'));
  const work = await listed(join(root, 'work'));
  const state = existsSync(join(root, 'state.json')) ? await readFile(join(root, 'state.json'), 'utf8') : '';
  const cloud = (await readdir(join(lab, 'cloud'))).map(name => `cloud: ${name}`);
  return [...blobs, ...releases, ...work, ...cloud, state].toSorted();
}
