import {readFileSync} from 'node:fs';

let version: string | undefined;

/** edgewise's version, as package.json has it. */
export function readOwnVersion(): string {
  version ??= (
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {version: string}
  ).version;
  return version;
}
