import {homedir} from 'node:os';
import {relative} from 'node:path';

/** A path as a sentence shows it: below the home folder from `~` on, which a log of CI may show to everybody. */
export function shownPath(path: string, home = process.env['HOME'] ?? homedir()): string {
  if (home === '' || home === '/') return path;
  const inside = relative(home, path);
  return inside === '' || inside === '..' || inside.startsWith('../') ? path : `~/${inside}`;
}
