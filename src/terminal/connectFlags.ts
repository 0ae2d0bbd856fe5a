import {boolean as booleanFlag} from '@oclif/core/flags';
import {askPassphrase} from './askPassphrase.ts';

/** Flags of every command that reaches devices. */
export const connectFlags = {
  'accept-new-host-keys': booleanFlag({
    description:
      'trust the key of a host seen for the first time and remember it; a changed key is always refused',
    default: false,
  }),
};

/** What the workflows need to know to connect; a passphrase is asked for only where someone can answer. */
export function connectOptionsFrom(flags: {readonly 'accept-new-host-keys': boolean}) {
  return {
    acceptNewHostKeys: flags['accept-new-host-keys'],
    ...(process.stdin.isTTY && process.stderr.isTTY ? {promptPassphrase: askPassphrase} : {}),
  };
}
