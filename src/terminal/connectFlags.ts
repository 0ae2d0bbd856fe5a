import {boolean as booleanFlag, option} from '@oclif/core/flags';
import {SSH_TRANSPORTS, type SshTransport} from '../documents/sshTransport.ts';
import {askPassphrase} from './askPassphrase.ts';

/** Flags of every command that reaches devices. */
export const connectFlags = {
  'accept-new-host-keys': booleanFlag({
    description:
      'trust the key of a host seen for the first time and remember it; a changed key is always refused',
    default: false,
  }),
  'ssh-transport': option({
    options: SSH_TRANSPORTS,
    description:
      'openssh: by the ssh of this machine, for certificates, FIDO keys, ProxyCommand and newest algorithms; overrides edgewise.yaml',
  })(),
};

/** What the workflows need to know to connect; a passphrase is asked for only where someone can answer. */
export function connectOptionsFrom(flags: {
  readonly 'accept-new-host-keys': boolean;
  readonly 'ssh-transport'?: SshTransport | undefined;
}) {
  const transport = flags['ssh-transport'];
  return {
    ...(transport === undefined ? {} : {transport}),
    acceptNewHostKeys: flags['accept-new-host-keys'],
    ...(process.stdin.isTTY && process.stderr.isTTY ? {promptPassphrase: askPassphrase} : {}),
  };
}
