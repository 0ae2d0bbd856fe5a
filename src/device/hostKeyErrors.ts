import {EXIT, ExpectedError} from '../errors.ts';
import {fingerprintOf, type HostKey, type HostKeyVerdict} from './knownHosts.ts';

/** Why a host with this key is not talked to; `undefined` when its key is on file. */
export function explainHostKey(
  where: string,
  verdict: HostKeyVerdict,
  key: HostKey,
  fileForNewKeys: string,
): ExpectedError | undefined {
  const shown = `${shortType(key.type)} key ${fingerprintOf(key.base64)}`;
  switch (verdict.kind) {
    case 'known':
      return undefined;
    case 'unknown':
      return new ExpectedError(
        'host-key-unknown',
        `${where} shows the ${shown}, and no key of it is on file; compare it with the device's own before you accept it.`,
        EXIT.unreachable,
        {hints: [`Repeat with --accept-new-host-keys to add it to ${fileForNewKeys}`]},
      );
    case 'changed':
      return new ExpectedError(
        'host-key-changed',
        `${where} shows the ${shown}, but ${verdict.entry.file}:${verdict.entry.line} has its ${shortType(verdict.entry.keyType)} key ` +
          `${fingerprintOf(verdict.entry.keyBase64)}: the device was set up anew, or someone sits in between.`,
        EXIT.unreachable,
        {
          hints: [
            `If the device was set up anew, remove line ${verdict.entry.line} of ${verdict.entry.file} and repeat with --accept-new-host-keys`,
          ],
        },
      );
    case 'revoked':
      return new ExpectedError(
        'host-key-revoked',
        `${where} shows the ${shown}, which ${verdict.entry.file}:${verdict.entry.line} marks as revoked.`,
        EXIT.unreachable,
        {hints: ['Give the device a new host key: ssh-keygen -A after deleting /etc/ssh/ssh_host_*']},
      );
    case 'needs-certificate':
      return new ExpectedError(
        'host-certificate-unsupported',
        `${where} is trusted by a certificate authority only (${verdict.entry.file}:${verdict.entry.line}), and edgewise cannot check host certificates; ` +
          `it shows the ${shown}.`,
        EXIT.unreachable,
        {hints: [`Add the device's own key to ${fileForNewKeys}: ssh-keyscan, then compare the fingerprint`]},
      );
  }
}

function shortType(keyType: string): string {
  if (keyType.startsWith('ecdsa-')) return 'ECDSA';
  return keyType.replace(/^ssh-/, '').toUpperCase();
}
