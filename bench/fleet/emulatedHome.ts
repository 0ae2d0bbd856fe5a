import {createHash} from 'node:crypto';
import {z} from 'zod';
import {envelopeSchema, statementSchema, type Pending} from '../../src/documents/deployment.ts';

interface Answer {
  readonly stdout: string;
  readonly status: number;
}

const handedOver = z.object({envelope: envelopeSchema});
const HOME = '/home/emulated';
const TOOLS =
  'awk basename cat chmod cut dd df dirname grep gzip head ln mkdir mv readlink rm sed sha256sum sync tar tr wc'.split(
    ' ',
  );
const BLOCK_BYTES = 64 * 1024;
const TAR_RECORD_BYTES = 512;

/** What lies in a device's ~/.edgewise, and what templates/device and the runtime there would answer. */
export function openEmulatedHome({
  runtimeHex,
  runtimeBlobs,
}: {
  readonly runtimeHex: string;
  readonly runtimeBlobs: ReadonlySet<string>;
}): {
  readonly run: (argv: readonly string[], stdin: Buffer) => Answer;
  statistics(): object;
} {
  const blobs = new Set(runtimeBlobs);
  const parts = new Map<string, Buffer>();
  const releases = new Set<string>();
  let lock = {fence: 0, owner: '-'};
  let rollout: string | null = null;
  let current: string | null = null;
  let pending: Pending | null = null;
  let confirmed: {transaction: string; release: string} | null = null;
  let counter = 0;

  const well = (stdout = ''): Answer => ({stdout, status: 0});
  const json = (value: object): Answer => well(`${JSON.stringify(value)}\n`);
  const truth = (): string =>
    [
      `home ${HOME}`,
      `architecture ${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}`,
      'libc glibc 2.36',
      'freeKilobytes 10000000',
      'freeInodes 1000000',
      'writable yes',
      `clock ${Math.floor(Date.now() / 1000)}`,
      `uptime ${(performance.now() / 1000).toFixed(2)}`,
      'bootId emulated',
      'memoryKilobytes 1000000',
      ...TOOLS.map(tool => `tool:${tool} yes`),
      `runtime:${runtimeHex} yes`,
      `runtimeCurrent ${runtimeHex}`,
      ...[...releases].map(release => `release:${release} yes`),
      'supervisor 1',
      'agentAlive yes',
      `state ${JSON.stringify({status: current === null ? 'starting' : 'serving', release: current, bootId: 'emulated', attempts: 1, error: null})}`,
      `ledger ${JSON.stringify({formatVersion: 1, counter, challenge: 'first', publicKey: null, device: null, bad: [], confirmed})}`,
      ...(current === null ? [] : [`current ${current}`]),
      ...(pending === null ? [] : [`pending ${JSON.stringify(pending)}`]),
      ...(rollout === null ? [] : [`rollout ${rollout}`]),
      '',
    ].join('\n');

  const accept = (digests: readonly string[]): Answer => {
    for (const digest of digests) {
      const part = parts.get(digest);
      if (part === undefined || createHash('sha256').update(part).digest('hex') !== digest)
        return {stdout: '', status: 9};
      parts.delete(digest);
      blobs.add(digest);
    }
    return well();
  };

  const scripts: Record<string, (args: readonly string[], stdin: Buffer) => Answer> = {
    truth: () => well(truth()),
    lock([what = '', owner = '', seconds = '0']) {
      if (what === 'hold') return well();
      if (what === 'free') {
        if (lock.owner === owner) lock = {...lock, owner: '-'};
        return well();
      }
      if (lock.owner !== '-' && lock.owner !== owner)
        return {stdout: `${lock.owner} ${seconds}\n`, status: 7};
      if (lock.owner !== owner) lock = {fence: lock.fence + 1, owner};
      return well(`fence ${lock.fence}\n`);
    },
    service: () => well(`root ${HOME}/.edgewise\nnone it has no systemd\n`),
    rollout(_args, stdin) {
      rollout = stdin.toString();
      return well();
    },
    'missing-blobs': (args, stdin) => {
      const words = args.length > 0 ? args : stdin.toString().trim().split('\n');
      const lacking = words.map(word => word.split(':')[0] ?? '').filter(digest => !blobs.has(digest));
      return well(
        [...lacking.map(digest => `lacks ${digest} 0`), 'freeKilobytes 10000000', 'tool:tar yes', ''].join(
          '\n',
        ),
      );
    },
    'receive-blobs'([form = '', digest = '', block = '0'], stdin) {
      if (form === 'bundle') for (const [name, content] of tarEntries(stdin)) parts.set(name, content);
      else if (form === 'stripe') parts.set(digest, withStripe(parts.get(digest), Number(block), stdin));
      return well();
    },
    'accept-blobs': (args, stdin) => accept(args.length > 0 ? args : stdin.toString().trim().split('\n')),
    'link-tree': (_args, stdin) => {
      const digests = stdin
        .toString()
        .trim()
        .split('\n')
        .map(line => line.split(' ')[0] ?? '');
      return digests.every(digest => blobs.has(digest)) ? well() : {stdout: '', status: 1};
    },
  };

  const programs: Record<string, (flag: (name: string) => string, stdin: Buffer) => Answer> = {
    admit(_flag, stdin) {
      const {envelope} = handedOver.parse(JSON.parse(stdin.toString()));
      const payload: unknown = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'));
      const statement = statementSchema.parse(payload);
      if (!blobs.has(statement.manifest.slice('sha256:'.length))) return {stdout: '', status: 12};
      releases.add(statement.release);
      counter = statement.counter;
      return json({release: statement.release, counter});
    },
    switch(flag) {
      const from = current;
      pending = {
        formatVersion: 1,
        transaction: flag('transaction'),
        to: flag('release'),
        toRuntime: flag('runtime'),
        from,
        fromPrevious: null,
        fromRuntime: null,
        deadlineUptimeMs: 1e9,
        bootId: 'emulated',
        fence: Number(flag('fence')),
      };
      current = pending.to;
      return json({transaction: pending.transaction, from, deadlineUptimeMs: 1e9, attemptsBefore: 0});
    },
    confirm(flag) {
      if (pending?.transaction !== flag('transaction')) return {stdout: '', status: 12};
      confirmed = {transaction: pending.transaction, release: pending.to};
      pending = null;
      return json({...confirmed, counter});
    },
  };

  return {
    run([program = '', second = '', third = '', name = '', ...rest], stdin) {
      if (program === 'sh' && name === 'sh') return well(answersOf(truth(), rest[0] ?? ''));
      if (program === 'sh') return (scripts[name.replace('edgewise-', '')] ?? unknown)(rest, stdin);
      const flags = [name, ...rest];
      const flag = (wanted: string): string => flags[flags.indexOf(`--${wanted}`) + 1] ?? '';
      return second.endsWith('/edgewise.mjs') ? (programs[third] ?? unknown)(flag, stdin) : unknown();
    },
    statistics: () => ({
      kind: 'edgewise/agent-statistics',
      formatVersion: 1,
      current: {
        release: current,
        requests: 1000,
        errors: 0,
        latency: {'400': 1000},
        classes: null,
        residentBytes: 5e7,
        servingMs: 1000,
        restarts: 0,
        throttled: null,
      },
      previous: null,
    }),
  };
}

/** What a push asks first, several commands in one. See src/workflows/deploy/preflight.ts and src/device/askCommands.ts. */
function answersOf(truth: string, separator: string): string {
  const processor = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const answers = [processor, '64', 'PRETTY_NAME="Debian GNU/Linux 12"', 'glibc 2.36', `${truth}user pi`];
  return answers.map(answer => `${answer}\n\n${separator}\n`).join('');
}

function unknown(): Answer {
  return {stdout: '', status: 127};
}

function withStripe(part: Buffer = Buffer.alloc(0), block: number, bytes: Buffer): Buffer {
  const start = block * BLOCK_BYTES;
  const whole = Buffer.alloc(Math.max(part.length, start + bytes.length));
  part.copy(whole);
  bytes.copy(whole, start);
  return whole;
}

/** Names without `.partial`. */
function tarEntries(archive: Buffer): [string, Buffer][] {
  const entries: [string, Buffer][] = [];
  for (let at = 0; at + TAR_RECORD_BYTES <= archive.length && archive[at] !== 0;) {
    const name = archive.toString('latin1', at, archive.indexOf(0, at)).replace('.partial', '');
    const sizeBytes = Number.parseInt(archive.toString('latin1', at + 124, at + 136), 8);
    const start = at + TAR_RECORD_BYTES;
    entries.push([name, archive.subarray(start, start + sizeBytes)]);
    at = start + Math.ceil(sizeBytes / TAR_RECORD_BYTES) * TAR_RECORD_BYTES;
  }
  return entries;
}
