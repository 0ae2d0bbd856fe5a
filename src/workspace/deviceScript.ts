import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

/** The files of templates/device. */
export type DeviceScript =
  | 'truth'
  | 'doctor'
  | 'gc'
  | 'missing-blobs'
  | 'part-digests'
  | 'accept-blobs'
  | 'receive-blobs'
  | 'link-tree'
  | 'lock'
  | 'rollout'
  | 'hashes'
  | 'gateway-state'
  | 'start-gateway'
  | 'gateway-parts';

/** The argv that runs one of templates/device on a device with POSIX sh; its data goes to stdin. */
export function deviceScript(name: DeviceScript, ...args: string[]): string[] {
  const path = fileURLToPath(new URL(`../../templates/device/${name}.sh`, import.meta.url));
  return ['sh', '-c', readFileSync(path, 'utf8'), `edgewise-${name}`, ...args];
}
