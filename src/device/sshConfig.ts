import {matchesPatternList} from './patterns.ts';

/** One file of the SSH configuration, its includes read in. */
export type ConfigNode =
  | {
      readonly kind: 'setting';
      readonly keyword: string;
      readonly args: readonly string[];
      readonly file: string;
    }
  | {
      readonly kind: 'section';
      readonly section: 'host' | 'match';
      readonly args: readonly string[];
      readonly file: string;
      readonly nodes: readonly ConfigNode[];
    }
  | {readonly kind: 'include'; readonly files: readonly (readonly ConfigNode[])[]};

export interface HostQuery {
  /** What was asked for, before any HostName. */
  readonly alias: string;
  /** Set when the project says so, which goes before the configuration. */
  readonly user: string | undefined;
  readonly localUser: string;
}

/** Settings that hold for one host: by lower-case keyword, the arguments of each line that counts. */
export interface HostSettings {
  readonly values: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly origins: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

const REPEATABLE = new Set([
  'identityfile',
  'certificatefile',
  'sendenv',
  'setenv',
  'localforward',
  'remoteforward',
]);

/**
 * The settings for one host: the first value of a keyword counts, except for those that add up. `Match exec` is never
 * run: such blocks do not match and leave a note.
 * @see ssh_config(5)
 */
export function resolveHostSettings(
  files: readonly (readonly ConfigNode[])[],
  query: HostQuery,
): HostSettings {
  const values = new Map<string, (readonly string[])[]>();
  const origins = new Map<string, string>();
  const notes = new Set<string>();
  let wantsFinalPass = false;

  const first = (keyword: string) => values.get(keyword)?.[0]?.[0];
  const currentHost = () =>
    first('hostname')?.replaceAll('%h', query.alias).replaceAll('%%', '%') ?? query.alias;

  const matchesCriteria = (args: readonly string[], file: string, isFinalPass: boolean): boolean => {
    let isMatch = args.length > 0;
    for (let index = 0; index < args.length; index += 1) {
      const word = args[index] ?? '';
      const isNegated = word.startsWith('!');
      const keyword = (isNegated ? word.slice(1) : word).toLowerCase();
      const patterns = () => (args[(index += 1)] ?? '').split(',');
      let holds: boolean;
      if (keyword === 'all') holds = true;
      else if (keyword === 'canonical') holds = false;
      else if (keyword === 'final') {
        wantsFinalPass = true;
        holds = isFinalPass;
      } else if (keyword === 'host')
        holds = matchesPatternList(currentHost().toLowerCase(), patterns().map(lower));
      else if (keyword === 'originalhost')
        holds = matchesPatternList(query.alias.toLowerCase(), patterns().map(lower));
      else if (keyword === 'user')
        holds = matchesPatternList(query.user ?? first('user') ?? query.localUser, patterns());
      else if (keyword === 'localuser') holds = matchesPatternList(query.localUser, patterns());
      else {
        notes.add(
          keyword === 'exec'
            ? `A "Match exec" block in ${file} is passed over: edgewise runs no command from an SSH configuration.`
            : `A "Match ${keyword}" block in ${file} is passed over: edgewise does not know that criterion.`,
        );
        return false;
      }
      if (holds === isNegated) isMatch = false;
    }
    return isMatch;
  };

  const walk = (nodes: readonly ConfigNode[], isFinalPass: boolean): void => {
    for (const node of nodes) {
      if (node.kind === 'include') {
        for (const file of node.files) walk(file, isFinalPass);
      } else if (node.kind === 'section') {
        const isMatch =
          node.section === 'host'
            ? matchesPatternList(query.alias.toLowerCase(), node.args.map(lower))
            : matchesCriteria(node.args, node.file, isFinalPass);
        if (isMatch) walk(node.nodes, isFinalPass);
      } else {
        const seen = values.get(node.keyword);
        if (seen === undefined) {
          values.set(node.keyword, [node.args]);
          origins.set(node.keyword, node.file);
        } else if (
          REPEATABLE.has(node.keyword) &&
          !seen.some(args => args.join('\0') === node.args.join('\0'))
        ) {
          seen.push(node.args);
        }
      }
    }
  };

  for (const file of files) walk(file, false);
  if (wantsFinalPass) for (const file of files) walk(file, true);
  return {values, origins, notes: [...notes]};
}

function lower(text: string): string {
  return text.toLowerCase();
}

/** Replaces `%h` and its like; an unknown one is left as it stands. */
export function expandTokens(text: string, tokens: Readonly<Record<string, string>>): string {
  return text.replace(/%(.)/g, (whole, letter: string) => (letter === '%' ? '%' : (tokens[letter] ?? whole)));
}

/** Replaces `${NAME}` by the environment's value, and a leading `~` by the home folder. */
export function expandPath(
  path: string,
  home: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const withVariables = path.replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g,
    (whole, name: string) => environment[name] ?? whole,
  );
  if (withVariables === '~') return home;
  return withVariables.startsWith('~/') ? `${home}${withVariables.slice(1)}` : withVariables;
}

export interface Jump {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** `user@host:port,[::1]:22,ssh://host` as ProxyJump writes it; `none` is no jump; `undefined` for what cannot be read. */
export function parseProxyJump(value: string): Jump[] | undefined {
  if (value.toLowerCase() === 'none') return [];
  const jumps: Jump[] = [];
  for (const part of value.split(',')) {
    const found = /^(?:ssh:\/\/)?(?:([^@]+)@)?(\[[^\]]+\]|[^:[\]]+)(?::(\d+))?\/?$/.exec(part.trim());
    if (found === null) return undefined;
    const [, user, host = '', port] = found;
    jumps.push({
      host: host.replace(/^\[|\]$/g, ''),
      ...(user === undefined ? {} : {user}),
      ...(port === undefined ? {} : {port: Number(port)}),
    });
  }
  return jumps;
}
