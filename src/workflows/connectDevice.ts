import {connectMachine} from '../device/connectMachine.ts';
import type {Machine} from '../device/machine.ts';
import type {SshTransport} from '../documents/sshTransport.ts';
import type {ProjectDevice} from '../documents/project.ts';
import type {OpenFleet} from './openProject.ts';

export interface ConnectOptions {
  /** Overrides the project's. */
  readonly transport?: SshTransport;
  readonly acceptNewHostKeys: boolean;
  /** Absent without a terminal: an encrypted key is then an error that names it. */
  readonly promptPassphrase?: (keyFile: string) => Promise<string | undefined>;
}

/** A device or a gateway. */
export type ReachableMachine = Pick<ProjectDevice, 'name' | 'address' | 'user' | 'port' | 'identityFile'>;

/** Opens the connection, hands it to `work` and closes it whatever happens. */
export async function withDevice<T>(
  project: OpenFleet,
  device: ReachableMachine,
  options: ConnectOptions,
  work: (machine: Machine) => Promise<T>,
): Promise<T> {
  const ssh = project.project.ssh ?? {};
  const {name, address, user, port, identityFile} = device;
  const machine = await connectMachine(
    {
      name,
      address,
      ...(user === undefined ? {} : {user}),
      ...(port === undefined ? {} : {port}),
      ...(identityFile === undefined ? {} : {identityFile: project.resolve(identityFile)}),
    },
    {
      transport: options.transport ?? ssh.transport,
      acceptNewHostKeys: options.acceptNewHostKeys,
      ...(ssh.configFile === undefined ? {} : {configFile: project.resolve(ssh.configFile)}),
      ...(ssh.knownHostsFile === undefined ? {} : {knownHostsFile: project.resolve(ssh.knownHostsFile)}),
      ...(options.promptPassphrase === undefined ? {} : {promptPassphrase: options.promptPassphrase}),
      environment: process.env,
    },
  );
  try {
    return await work(machine);
  } finally {
    await machine.close();
  }
}
