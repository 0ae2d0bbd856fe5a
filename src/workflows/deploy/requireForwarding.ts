import type {Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError} from '../../errors.ts';

/**
 * A release is asked for its health over a forwarded connection, which many a hardened sshd does not make: known before the
 * switch, not after it.
 * @throws ExpectedError `forwarding-forbidden`
 */
export async function requireForwarding(machine: Machine, port: number): Promise<void> {
  const forwarding = await machine.askForwarding(port);
  if (forwarding.kind === 'allowed') return;
  throw new ExpectedError(
    'forwarding-forbidden',
    `${machine.name} (${machine.address}) forwards no connection to port ${port} of its loopback, where the release is asked whether it is well: ${forwarding.words}.`,
    EXIT.commandFailed,
    {
      hints: [
        `Set AllowTcpForwarding local in the sshd_config of ${machine.name}, or PermitOpen 127.0.0.1:${port}`,
        `Take no-port-forwarding or restrict off edgewise's key in ~/.ssh/authorized_keys of ${machine.name}`,
      ],
    },
  );
}
