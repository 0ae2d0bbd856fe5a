/** `ssh2` comes with edgewise; `openssh` is the `ssh` of this machine, for what ssh2 cannot do. */
export const SSH_TRANSPORTS = ['ssh2', 'openssh'] as const;

export type SshTransport = (typeof SSH_TRANSPORTS)[number];
