import {readlink, realpath} from 'node:fs/promises';
import {basename, dirname, isAbsolute, join, normalize, resolve, sep} from 'node:path';

/** A path that leaves the device's home, by name or through a symbolic link. */
export class OutsideHomeError extends Error {
  readonly code = 'EACCES';
}

/**
 * The real path behind `path` (relative ones start in `home`, which must be a real path already). The last part may be
 * missing; with `followsLast: false` it is named itself, even when it is a link.
 * @throws OutsideHomeError; the file system's own errors for the parts in between
 */
export async function resolveInHome(home: string, path: string, followsLast = true): Promise<string> {
  const absolute = isAbsolute(path) ? normalize(path) : resolve(home, path);
  const plain = absolute.length > 1 && absolute.endsWith(sep) ? absolute.slice(0, -1) : absolute;
  if (plain === home) return home;
  if (!isInside(home, plain)) throw new OutsideHomeError(`${path} is outside the device's home`);
  const parent = await realpath(dirname(plain));
  const resolved = join(parent, basename(plain));
  if (parent !== home && !isInside(home, parent))
    throw new OutsideHomeError(`${path} leads out of the device's home`);
  if (!followsLast) return resolved;
  try {
    const target = await realpath(resolved);
    if (target !== home && !isInside(home, target))
      throw new OutsideHomeError(`${path} leads out of the device's home`);
    return target;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // Missing, or a link to something missing: creating through such a link would create its target, wherever that is.
  const dangling = await readlink(resolved).catch(() => null);
  return dangling === null ? resolved : resolveInHome(home, resolve(parent, dangling), true);
}

function isInside(home: string, path: string): boolean {
  return path.startsWith(home + sep);
}
