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
  | 'drop-work'
  | 'lock'
  | 'rollout'
  | 'hashes'
  | 'service'
  | 'gateway-state'
  | 'start-gateway'
  | 'gateway-parts';

/** The argv that runs one of templates/device on a device with POSIX sh; its data goes to stdin. */
export function deviceScript(name: DeviceScript, ...args: string[]): string[] {
  return ['sh', '-c', readDeviceTemplate(`${name}.sh`), `edgewise-${name}`, ...args];
}

/** They never change while this program runs, and a fleet is asked with them thousands of times. */
const templates = new Map<string, string>();

/** A file of templates/device. */
export function readDeviceTemplate(file: string): string {
  const path = fileURLToPath(new URL(`../../templates/device/${file}`, import.meta.url));
  const text = templates.get(path) ?? readFileSync(path, 'utf8');
  templates.set(path, text);
  return text;
}
