import {spawn, spawnSync, type ChildProcess} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {findFreePort} from './freePort.ts';

/** The reference registry on loopback, which wants a name and a password. */
export interface TestRegistry {
  readonly address: string;
  /** As `skopeo login` and `docker login` write it. */
  readonly authFile: string;
  readonly password: string;
  /** Where a blob lies on the registry's disk. */
  blobFile(digest: string): string;
  /** The digest that the registry tells for a tag. */
  digestOf(repository: string, tag: string): Promise<string | null>;
  stop(): Promise<void>;
}

const USER = 'pusher';
const PASSWORD = 'open-sesame-7';
const HTPASSWD = `${USER}:$2b$04$VXlgSjXNs5jjRwDcrs1b3uxp50aEswPeSu9Zkb91T2GGESnor/bhm\n`;

export function isProgramInstalled(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

export async function startRegistry(): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-registry-'));
  const address = `127.0.0.1:${await findFreePort()}`;
  const authFile = join(folder, 'auth.json');
  const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
  await writeFile(authFile, JSON.stringify({auths: {[address]: {auth}}}));
  await writeFile(join(folder, 'htpasswd'), HTPASSWD);
  await writeFile(
    join(folder, 'config.yml'),
    [
      'version: 0.1',
      'log: {level: error, accesslog: {disabled: true}}',
      `storage: {filesystem: {rootdirectory: ${folder}/data}}`,
      `http: {addr: ${address}}`,
      `auth: {htpasswd: {realm: test, path: ${folder}/htpasswd}}`,
      '',
    ].join('\n'),
  );
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {stdio: 'ignore'});
  const headers = {
    authorization: `Basic ${auth}`,
    accept: 'application/vnd.oci.image.index.v1+json',
  };
  await waitUntilAnswering(child, `http://${address}/v2/`, headers);
  return {
    address,
    authFile,
    password: PASSWORD,
    blobFile: digest => {
      const hex = digest.slice('sha256:'.length);
      return join(folder, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    },
    async digestOf(repository, tag) {
      const url = `http://${address}/v2/${repository}/manifests/${tag}`;
      return (await fetch(url, {method: 'HEAD', headers})).headers.get('docker-content-digest');
    },
    async stop() {
      child.kill('SIGKILL');
      await rm(folder, {recursive: true, force: true, maxRetries: 5});
    },
  };
}

async function waitUntilAnswering(
  child: ChildProcess,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    const answer = await fetch(url, {headers}).catch(() => null);
    if (answer?.status === 200) return;
    await sleep(20);
  }
}
