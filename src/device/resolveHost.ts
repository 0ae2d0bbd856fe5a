import {hostname as localHostname, userInfo} from 'node:os';
import {join} from 'node:path';
import {EXIT, ExpectedError} from '../errors.ts';
import {lookupNameOf} from './knownHosts.ts';
import {
  expandPath,
  expandTokens,
  parseProxyJump,
  resolveHostSettings,
  type ConfigNode,
  type Jump,
} from './sshConfig.ts';

export interface IdentityFile {
  readonly path: string;
  /** Named by someone, so its absence is worth a word; the default files may well not be there. */
  readonly isExplicit: boolean;
}

/** Everything needed to connect to one host. */
export interface ResolvedHost {
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  readonly identityFiles: readonly IdentityFile[];
  readonly usesIdentitiesOnly: boolean;
  readonly agentSocket: string | undefined;
  /** Names in known_hosts, see `judgeHostKey`. */
  readonly lookupNames: readonly string[];
  /** The first is the one that new keys are added to. */
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  readonly hashesKnownHosts: boolean;
  readonly acceptsNewHostKeys: boolean;
  readonly connectTimeoutMs: number | undefined;
  readonly keepaliveMs: number;
  readonly jumps: readonly Jump[];
  readonly notes: readonly string[];
}

export interface HostRequest {
  readonly address: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly identityFile?: string | undefined;
  readonly knownHostsFile?: string | undefined;
  readonly acceptNewHostKeys: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

const DEFAULT_IDENTITY_FILES = ['id_rsa', 'id_ecdsa', 'id_ed25519'];
const NOT_HONOURED = ['certificatefile', 'knownhostscommand', 'pkcs11provider', 'securitykeyprovider'];

/**
 * What the project and the SSH configuration say about a host, put together.
 * @throws ExpectedError `ssh-setting-unsupported` for a setting that must not be passed over in silence
 */
export function resolveHost(files: readonly (readonly ConfigNode[])[], request: HostRequest): ResolvedHost {
  const {environment, home} = request;
  const localUser = environment.USER ?? environment.LOGNAME ?? userInfo().username;
  const {values, origins, notes} = resolveHostSettings(files, {
    alias: request.address,
    user: request.user,
    localUser,
  });
  const first = (keyword: string) => values.get(keyword)?.[0]?.[0];
  const isYes = (keyword: string) => first(keyword)?.toLowerCase() === 'yes';
  const ownNotes: string[] = [];

  const hostName = expandTokens(first('hostname') ?? request.address, {
    h: request.address,
    n: request.address,
  });
  const port = request.port ?? numberOf(first('port')) ?? 22;
  const user = request.user ?? first('user') ?? localUser;
  const shortName = localHostname().split('.')[0] ?? '';
  const tokens = {
    h: hostName,
    n: request.address,
    p: String(port),
    r: user,
    u: localUser,
    d: home,
    i: String(process.getuid?.() ?? 0),
    l: localHostname(),
    L: shortName,
    k: first('hostkeyalias') ?? request.address,
  };
  const pathOf = (text: string) => expandPath(expandTokens(text, tokens), home, environment);

  const refuse = (keyword: string, setting: string, instead: string) => {
    const value = first(keyword);
    if (value === undefined || value.toLowerCase() === 'none') return;
    throw new ExpectedError(
      'ssh-setting-unsupported',
      `${request.address}: ${setting} in ${origins.get(keyword)} is not supported by edgewise.`,
      EXIT.unreachable,
      {hints: [instead]},
    );
  };
  // Of ProxyJump and ProxyCommand, ssh takes the one that comes first; we cannot tell, and a jump is what we can do.
  if (first('proxyjump') === undefined)
    refuse('proxycommand', 'ProxyCommand', `Use ProxyJump for ${request.address} instead of ProxyCommand`);
  refuse(
    'revokedhostkeys',
    'RevokedHostKeys',
    'Write the revoked keys into known_hosts with the marker @revoked',
  );
  for (const keyword of NOT_HONOURED) {
    if (first(keyword) !== undefined)
      ownNotes.push(`${request.address}: ${keyword} in ${origins.get(keyword)} is not honoured.`);
  }

  const jumps = parseProxyJump(first('proxyjump') ?? 'none');
  if (jumps === undefined) {
    throw new ExpectedError(
      'ssh-config-invalid',
      `${request.address}: ProxyJump "${first('proxyjump')}" in ${origins.get('proxyjump')} cannot be read.`,
      EXIT.invalidDocument,
    );
  }

  const strictness = first('stricthostkeychecking')?.toLowerCase() ?? 'ask';
  if (['no', 'off'].includes(strictness)) {
    ownNotes.push(
      `${request.address}: StrictHostKeyChecking ${strictness} is taken as "yes": edgewise always checks host keys.`,
    );
  }

  const alias = first('hostkeyalias')?.toLowerCase();
  const plainName = hostName.toLowerCase();
  return {
    hostName,
    port,
    user,
    identityFiles: listIdentityFiles(request, values.get('identityfile') ?? [], pathOf),
    usesIdentitiesOnly: isYes('identitiesonly'),
    agentSocket: chooseAgentSocket(first('identityagent'), environment, pathOf),
    lookupNames: alias !== undefined ? [alias] : [...new Set([lookupNameOf(hostName, port), plainName])],
    userKnownHostsFiles:
      request.knownHostsFile !== undefined
        ? [pathOf(request.knownHostsFile)]
        : listKnownHostsFiles(
            values.get('userknownhostsfile')?.[0],
            ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'],
            pathOf,
          ),
    globalKnownHostsFiles: listKnownHostsFiles(
      values.get('globalknownhostsfile')?.[0],
      ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      pathOf,
    ),
    hashesKnownHosts: isYes('hashknownhosts'),
    acceptsNewHostKeys: request.acceptNewHostKeys || strictness === 'accept-new',
    connectTimeoutMs: scale(numberOf(first('connecttimeout')), 1000),
    // Whatever the configuration says, a frozen device is to be noticed in fifteen seconds, which are four of these.
    keepaliveMs: Math.min(3500, Math.max(1000, scale(numberOf(first('serveraliveinterval')), 1000) ?? 3000)),
    jumps,
    notes: [...notes, ...ownNotes],
  };
}

function listIdentityFiles(
  request: HostRequest,
  configured: readonly (readonly string[])[],
  pathOf: (text: string) => string,
): IdentityFile[] {
  const named = [
    ...(request.identityFile === undefined ? [] : [request.identityFile]),
    ...configured.map(args => args[0] ?? ''),
  ];
  if (named.length > 0) {
    const paths = named.filter(path => path.toLowerCase() !== 'none').map(pathOf);
    return [...new Set(paths)].map(path => ({path, isExplicit: true}));
  }
  return DEFAULT_IDENTITY_FILES.map(name => ({path: join(request.home, '.ssh', name), isExplicit: false}));
}

function chooseAgentSocket(
  configured: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  pathOf: (text: string) => string,
): string | undefined {
  if (configured?.toLowerCase() === 'none') return undefined;
  if (configured === undefined || configured === 'SSH_AUTH_SOCK')
    return environment.SSH_AUTH_SOCK || undefined;
  if (/^\$[A-Za-z_]/.test(configured)) return environment[configured.slice(1)] || undefined;
  return pathOf(configured);
}

function listKnownHostsFiles(
  configured: readonly string[] | undefined,
  defaults: readonly string[],
  pathOf: (text: string) => string,
): string[] {
  if (configured !== undefined && configured.length === 1 && configured[0]?.toLowerCase() === 'none')
    return [];
  return (configured ?? defaults).map(pathOf);
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  return Number(text);
}

function scale(value: number | undefined, factor: number): number | undefined {
  return value === undefined || value === 0 ? undefined : value * factor;
}
