import {expect, it} from 'vitest';
import {shownPath} from '../../../src/workspace/shownPath.ts';

it.each([
  ['/home/ann/.config/edgewise/signing-key.pem', '/home/ann', '~/.config/edgewise/signing-key.pem'],
  ['/home/anna/key.pem', '/home/ann', '/home/anna/key.pem'],
  ['/home/ann', '/home/ann', '/home/ann'],
  ['/etc/edgewise/key.pem', '/home/ann', '/etc/edgewise/key.pem'],
  ['/srv/key.pem', '/', '/srv/key.pem'],
  ['/srv/key.pem', '', '/srv/key.pem'],
  ['/home/ann/..key.pem', '/home/ann', '~/..key.pem'],
])('%s of %s is shown as %s', (path, home, shown) => {
  expect(shownPath(path, home)).toBe(shown);
});
