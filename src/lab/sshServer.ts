import {connect, createServer, type Server as TcpServer, type Socket} from 'node:net';
import {realpath} from 'node:fs/promises';
import {timingSafeEqual} from 'node:crypto';
import {userInfo} from 'node:os';
import type {AuthContext, Connection, ParsedKey, ServerChannel} from 'ssh2';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {gatherChunks} from './gatherChunks.ts';
import {runCommand, type CommandSettings} from './sshCommand.ts';
import {serveSftp} from './sftpServer.ts';

export interface SshServerOptions {
  /** The device's private home: commands start here and file transfers stay inside. It must exist. */
  readonly home: string;
  /** Private key in OpenSSH or PEM form. */
  readonly hostKey: string;
  /** Lines of an authorized_keys file. */
  readonly authorizedKeys: readonly string[];
  /** Set as EDGEWISE_LAB_DEVICE in every command, so that a device's processes can be told apart. */
  readonly deviceName: string;
  /** A port to take again; 0 or left out takes any free one. */
  readonly port?: number;
  /** The only user that is let in; default: the user who runs this. */
  readonly user?: string;
  /** Beside the few variables every command gets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Put before `/bin/sh -c …`, for instance `taskset -c 1`. */
  readonly commandPrefix?: readonly string[];
  /** Told at once of each command's process, before it has done anything worth measuring. */
  readonly onSpawn?: (pid: number) => void;
}

export interface SshServer {
  readonly port: number;
  /** Open connections are cut and the commands in the foreground end; what daemonised itself goes on. */
  close(): Promise<void>;
}

/** No SHA-1, no CBC: what a current sshd offers, so that a client that is too old fails here as well. */
const ALGORITHMS = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'diffie-hellman-group16-sha512',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes256-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
} as const;

/**
 * An SSH server for one emulated device, on loopback, in this process, as this user: commands, signals, forwarding to
 * loopback and SFTP within the home.
 * @throws ExpectedError `port-taken`, `lab-key-invalid`
 */
export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  const {default: ssh2} = await import('ssh2');
  const home = await realpath(options.home);
  const user = options.user ?? userInfo().username;
  const authorizedKeys = options.authorizedKeys.map(line =>
    parseAuthorizedKey(ssh2.utils.parseKey(line), options),
  );
  const hostKey = ssh2.utils.parseKey(options.hostKey);
  if (hostKey instanceof Error || !hostKey.isPrivateKey()) {
    throw new ExpectedError(
      'lab-key-invalid',
      `The host key of the lab device ${options.deviceName} is not a private key.`,
      EXIT.invalidDocument,
      {hints: ['Run edgewise lab down and remove .edgewise/lab/keys to have new keys made.']},
    );
  }

  const connections = new Set<Connection>();
  const server = new ssh2.Server(
    {
      hostKeys: [options.hostKey],
      algorithms: {
        ...ALGORITHMS,
        kex: [...ALGORITHMS.kex],
        cipher: [...ALGORITHMS.cipher],
        hmac: [...ALGORITHMS.hmac],
        compress: ['none'],
      },
      ident: 'edgewise-lab',
    },
    connection => {
      connections.add(connection);
      connection.on('close', () => connections.delete(connection));
      // A client that goes away in the middle of anything is everyday life for a server.
      connection.on('error', () => {});
      connection.on('authentication', context => answerAuthentication(context, user, authorizedKeys));
      connection.on('ready', () =>
        serveConnection(connection, {
          home,
          commandPrefix: options.commandPrefix ?? [],
          onSpawn: options.onSpawn ?? (() => {}),
          environment: {
            HOME: home,
            USER: user,
            LOGNAME: user,
            SHELL: '/bin/sh',
            PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            EDGEWISE_LAB_DEVICE: options.deviceName,
            ...options.environment,
          },
        }),
      );
    },
  );

  // ssh2's own listener cannot report the socket before the handshake; ours can be cut at close() in every state.
  const sockets = new Set<Socket>();
  const listener: TcpServer = createServer(socket => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    server.injectSocket(socket);
  });
  await listenOnLoopback(listener, options.port ?? 0, `the SSH server of ${options.deviceName}`);
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    async close() {
      const closed = new Promise<void>(resolve => listener.close(() => resolve()));
      for (const connection of connections) connection.end();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** @throws ExpectedError `port-taken` */
export async function listenOnLoopback(listener: TcpServer, port: number, purpose: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    listener.once('error', error => {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      reject(
        isTaken
          ? new ExpectedError(
              'port-taken',
              `Port ${port} on 127.0.0.1, wanted for ${purpose}, is taken.`,
              EXIT.commandFailed,
              {
                hints: [`Stop what listens on port ${port} (ss -ltnp shows it), then run the command again.`],
                cause: error,
              },
            )
          : error,
      );
    });
    listener.listen(port, '127.0.0.1', resolve);
  });
}

function parseAuthorizedKey(key: ParsedKey | Error, options: SshServerOptions): ParsedKey {
  if (!(key instanceof Error)) return key;
  throw new ExpectedError(
    'lab-key-invalid',
    `An authorized key of the lab device ${options.deviceName} cannot be read: ${messageOf(key)}`,
    EXIT.invalidDocument,
    {hints: ['Run edgewise lab down and remove .edgewise/lab/keys to have new keys made.']},
  );
}

function answerAuthentication(
  context: AuthContext,
  user: string,
  authorizedKeys: readonly ParsedKey[],
): void {
  if (context.method !== 'publickey' || context.username !== user) return context.reject(['publickey']);
  const allowed = authorizedKeys.find(key => {
    const known = key.getPublicSSH();
    return known.length === context.key.data.length && timingSafeEqual(known, context.key.data);
  });
  if (allowed === undefined) return context.reject(['publickey']);
  if (context.signature === undefined || context.blob === undefined) return context.accept();
  const isGenuine = allowed.verify(context.blob, context.signature, context.hashAlgo) === true;
  return isGenuine ? context.accept() : context.reject(['publickey']);
}

function serveConnection(connection: Connection, settings: CommandSettings): void {
  connection.on('session', acceptSession => {
    const session = acceptSession();
    let signalCommand: ((name: string) => boolean) | undefined;
    const start = (channel: ServerChannel, command: string | null): void => {
      const running = runCommand(channel, command, {
        ...settings,
        environment: {...settings.environment, ...locale},
      });
      signalCommand = running.signal;
      connection.once('close', running.hangUp);
      channel.once('close', () => connection.off('close', running.hangUp));
    };
    const locale: Record<string, string> = {};
    session.on('env', (accept, reject, {key, val}) => {
      // The same as sshd's usual AcceptEnv; anything more would let a test pass here that fails on a real device.
      const isLocale = key === 'LANG' || key.startsWith('LC_');
      if (isLocale) locale[key] = val;
      // ssh2 passes nothing where the client wants no reply.
      (isLocale ? accept : reject)?.();
    });
    session.on('exec', (accept, _reject, {command}) => start(accept(), command));
    session.on('shell', accept => start(accept(), null));
    session.on('signal', (accept, reject, {name}) => (signalCommand?.(name) === true ? accept : reject)?.());
    session.on('sftp', accept => serveSftp(accept(), settings.home));
  });
  connection.on('tcpip', (accept, reject, {destIP, destPort}) => {
    if (!['127.0.0.1', '::1', 'localhost'].includes(destIP)) return reject();
    const socket = connect({host: destIP, port: destPort, noDelay: true, allowHalfOpen: true});
    const refuse = (): void => reject();
    socket.once('error', refuse);
    socket.once('connect', () => {
      socket.off('error', refuse);
      const channel = accept();
      socket.on('error', () => channel.destroy());
      channel.on('error', () => socket.destroy());
      channel.on('close', () => socket.destroy());
      socket.pipe(channel).pipe(gatherChunks()).pipe(socket);
    });
    connection.once('close', () => socket.destroy());
  });
}
