import {createServer as createHttpServer} from 'node:http';
import {createServer, type AddressInfo, type Socket} from 'node:net';
import type {Duplex} from 'node:stream';
import ssh2, {type Connection, type ServerChannel} from 'ssh2';
import {openEmulatedHome} from './emulatedHome.ts';

/** sshd's defaults. */
const MAX_SESSIONS = 10;
const MAX_STARTUPS = 10;

export interface EmulatedFleetMember {
  readonly port: number;
  /** Sessions and connections beyond what a default sshd takes: each is one that a real device would have refused. */
  countRefused(): number;
  close(): void;
}

/**
 * A device of which everything but the inside is real: an SSH server with sshd's default limits, whose commands are
 * answered in this process from a home in memory. What arrives is hashed, and held against its name, as on a device.
 */
export async function startEmulatedDevice(options: {
  readonly hostKey: string;
  readonly userKey: string;
  readonly runtimeHex: string;
  readonly runtimeBlobs: ReadonlySet<string>;
}): Promise<EmulatedFleetMember> {
  const home = openEmulatedHome(options);
  const allowed = ssh2.utils.parseKey(options.userKey);
  if (allowed instanceof Error) throw allowed;
  let refused = 0;
  let unauthenticated = 0;
  const endpoint = createHttpServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(home.statistics()));
  });
  const server = new ssh2.Server({hostKeys: [options.hostKey]}, connection => {
    connection.on('error', () => {});
    connection.on('authentication', context => {
      const isKnown = context.method === 'publickey' && context.key.data.equals(allowed.getPublicSSH());
      const isGenuine =
        isKnown &&
        (context.signature === undefined ||
          context.blob === undefined ||
          allowed.verify(context.blob, context.signature, context.hashAlgo) === true);
      if (isGenuine) context.accept();
      else context.reject(['publickey']);
    });
    serveSessions(connection, home.run, () => refused++);
    connection.on('tcpip', accept => endpoint.emit('connection', asSocket(accept())));
  });
  const sockets = new Set<Socket>();
  const listener = createServer(socket => {
    if (unauthenticated >= MAX_STARTUPS) {
      refused++;
      socket.destroy();
      return;
    }
    unauthenticated++;
    sockets.add(socket);
    let isCounted = true;
    const forget = (): void => {
      if (isCounted) unauthenticated--;
      isCounted = false;
    };
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      forget();
    });
    server.once('connection', (connection: Connection) => connection.once('ready', forget));
    server.injectSocket(socket);
  });
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    countRefused: () => refused,
    close() {
      listener.close();
      endpoint.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function serveSessions(
  connection: Connection,
  run: ReturnType<typeof openEmulatedHome>['run'],
  refuse: () => void,
): void {
  let sessions = 0;
  connection.on('session', (accept, reject) => {
    if (sessions >= MAX_SESSIONS) {
      refuse();
      reject();
      return;
    }
    sessions++;
    const session = accept();
    session.on('close', () => sessions--);
    session.on('exec', (acceptExec, _reject, {command}) => void answer(acceptExec(), command, run));
  });
}

/** The command's own output comes after the marker that its envelope asks for. See src/device/commandEnvelope.ts. */
async function answer(
  channel: ServerChannel,
  command: string,
  run: ReturnType<typeof openEmulatedHome>['run'],
): Promise<void> {
  const [marker = '', ...argv] = wordsOf(command);
  channel.on('error', () => {});
  channel.write(`${marker}\n`);
  channel.stderr.write(`${marker} 1\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of channel.stdin) chunks.push(chunk as Buffer);
  const {stdout, status} = run(argv, Buffer.concat(chunks));
  channel.write(stdout);
  channel.exit(status);
  channel.end();
}

/** The marker and the argv that a command envelope carries. */
function wordsOf(command: string): string[] {
  const encoded = /'(set -- [^']*)'$/.exec(command)?.[1] ?? '';
  const bytes = encoded.replace(/\\0([0-7]{3})/g, (_byte, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  const script = Buffer.from(bytes, 'latin1').toString('utf8');
  const words: string[] = [];
  for (const [, word = '', end] of script.matchAll(/((?:'[^']*'|\\'|[^\s'\\;]+)+)(;?)/g)) {
    words.push(word.replace(/'([^']*)'|\\'/g, (_quoted, inside?: string) => inside ?? "'"));
    if (end === ';') break;
  }
  return words.slice(2);
}

/** node:http asks of a connection what only sockets have. */
function asSocket(channel: Duplex): Duplex {
  return Object.assign(channel, {
    setTimeout: () => channel,
    setNoDelay: () => channel,
    setKeepAlive: () => channel,
  });
}
