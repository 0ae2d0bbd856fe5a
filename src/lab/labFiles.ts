import {randomBytes} from 'node:crypto';
import {chmod, mkdir, readFile, rename, writeFile} from 'node:fs/promises';
import {userInfo} from 'node:os';
import {join} from 'node:path';
import {z} from 'zod';
import {readOrCreateKeyPair, type KeyPair} from './keys.ts';
import {labStateSchema, type LabState} from './labSpec.ts';

/** Where a lab keeps what; everything is private to the user. */
export function labPaths(directory: string) {
  return {
    state: join(directory, 'state.json'),
    memory: join(directory, 'memory.json'),
    log: join(directory, 'log'),
    sshConfig: join(directory, 'ssh_config'),
    knownHosts: join(directory, 'known_hosts'),
    identity: join(directory, 'keys', 'id_ed25519'),
    hostKey: (device: string) => join(directory, 'keys', `host_${device}`),
    home: (device: string) => join(directory, 'devices', device),
  };
}

export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, {recursive: true, mode: 0o700});
  await chmod(path, 0o700);
}

/** In one step, so that a reader sees the old content or the new. */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  const partial = `${path}.${randomBytes(4).toString('hex')}.partial`;
  await writeFile(partial, content, {mode: 0o600});
  await rename(partial, path);
}

const memorySchema = z.strictObject({
  id: z.string(),
  devicePorts: z.record(z.string(), z.int()),
  linkPort: z.int().optional(),
  cloudPort: z.int().optional(),
  gatewayPorts: z
    .record(
      z.string(),
      z.strictObject({endpoint: z.int(), fromDevices: z.int(), toCloud: z.int().optional()}),
    )
    .optional(),
});

/** What outlives `lab down`: the ports, so that projects and known_hosts stay true, and the lab's id. */
export type LabMemory = z.infer<typeof memorySchema>;

export async function readLabMemory(directory: string): Promise<LabMemory> {
  const parsed = memorySchema.safeParse(await readJson(labPaths(directory).memory));
  return parsed.success ? parsed.data : {id: randomBytes(6).toString('hex'), devicePorts: {}};
}

export async function writeLabMemory(directory: string, memory: LabMemory): Promise<void> {
  await writePrivateFile(labPaths(directory).memory, `${JSON.stringify(memory, null, 2)}\n`);
}

/** `null`: there is no state, or not one that this version wrote. */
export async function readLabState(directory: string): Promise<LabState | null> {
  const parsed = labStateSchema.safeParse(await readJson(labPaths(directory).state));
  return parsed.success ? parsed.data : null;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}

export interface LabKeys {
  readonly user: KeyPair;
  readonly host: Readonly<Record<string, KeyPair>>;
}

export async function readOrCreateLabKeys(directory: string, devices: readonly string[]): Promise<LabKeys> {
  const paths = labPaths(directory);
  const host: Record<string, KeyPair> = {};
  for (const device of devices)
    host[device] = await readOrCreateKeyPair(paths.hostKey(device), `edgewise-lab-${device}`);
  return {user: await readOrCreateKeyPair(paths.identity, 'edgewise-lab'), host};
}

/** The files with which edgewise and plain `ssh -F` reach the devices. */
export async function writeSshFiles(
  directory: string,
  devices: readonly {readonly name: string; readonly port: number; readonly hostPublicKey: string}[],
): Promise<void> {
  const paths = labPaths(directory);
  const config = devices.map(({name, port}) =>
    [
      `Host ${name}`,
      '  HostName 127.0.0.1',
      `  Port ${port}`,
      `  User ${userInfo().username}`,
      `  IdentityFile ${quoteForSshConfig(paths.identity)}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${quoteForSshConfig(paths.knownHosts)}`,
      '  StrictHostKeyChecking yes',
      '',
    ].join('\n'),
  );
  const knownHosts = devices.map(({port, hostPublicKey}) => {
    const [type, key] = hostPublicKey.split(' ');
    return `[127.0.0.1]:${port} ${type} ${key}\n`;
  });
  await writePrivateFile(paths.sshConfig, config.join('\n'));
  await writePrivateFile(paths.knownHosts, knownHosts.join(''));
}

/** ssh expands percent signs in these settings and splits at blanks outside quotes. */
function quoteForSshConfig(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}
