import type {SshTransport} from '../documents/sshTransport.ts';
import type {EmitEvent} from '../events.ts';
import type {PromptPassphrase} from './identityKeys.ts';

export interface MachineTarget {
  readonly name: string;
  /** Host name, IP address, an alias from the SSH configuration, or `local`. */
  readonly address: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly identityFile?: string | undefined;
}

export interface ConnectOptions {
  /** `ssh2` when left out. */
  readonly transport?: SshTransport | undefined;
  /** Instead of the user's and the system's SSH configuration; `none` for no file at all. */
  readonly configFile?: string | undefined;
  /** Instead of the user's known_hosts files. */
  readonly knownHostsFile?: string | undefined;
  readonly acceptNewHostKeys: boolean;
  /** For one host, all attempts together; default: ConnectTimeout of the SSH configuration, else 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  readonly promptPassphrase?: PromptPassphrase | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly emit?: EmitEvent;
}
