import {getCiphers} from 'node:crypto';
import type {Algorithms} from 'ssh2';

// No SHA-1, no CBC, no ssh-rsa. ssh2 would otherwise offer them.
const KEY_EXCHANGES = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group-exchange-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group18-sha512',
  'diffie-hellman-group14-sha256',
];
const CIPHERS = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
];
const MACS = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
];
const HOST_KEYS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** What we offer, the host key types on file first: asked for another one, a known host would look like a stranger. */
export function chooseAlgorithms(keyTypesOnFile: readonly string[]): Algorithms {
  const signatures = keyTypesOnFile.flatMap(type =>
    type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type],
  );
  const preferred = signatures.filter(name => HOST_KEYS.includes(name));
  const chacha = getCiphers().includes('chacha20') ? ['chacha20-poly1305@openssh.com'] : [];
  return {
    kex: KEY_EXCHANGES,
    serverHostKey: [...new Set([...preferred, ...HOST_KEYS])],
    cipher: [...CIPHERS.slice(0, 2), ...chacha, ...CIPHERS.slice(2)],
    hmac: MACS,
    compress: ['none'],
  } as Algorithms;
}
