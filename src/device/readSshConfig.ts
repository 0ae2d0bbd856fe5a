import {readFile, readdir} from 'node:fs/promises';
import {dirname, isAbsolute, join} from 'node:path';
import SshConfig from 'ssh-config';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {matchesPattern} from './patterns.ts';
import {expandPath, type ConfigNode} from './sshConfig.ts';

const MAX_INCLUDE_DEPTH = 16;

interface ReadingPlace {
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The files of the SSH configuration in the order in which they count: the one that was named, or the user's and then
 * the system's.
 * @throws ExpectedError `ssh-config-invalid`
 */
export async function readSshConfig(
  configFile: string | undefined,
  place: ReadingPlace,
): Promise<ConfigNode[][]> {
  if (configFile === 'none') return [];
  const userFolder = join(place.home, '.ssh');
  if (configFile !== undefined) {
    const nodes = await readConfigFile(
      expandPath(configFile, place.home, place.environment),
      userFolder,
      place,
      0,
    );
    if (nodes === undefined) {
      throw new ExpectedError(
        'ssh-config-invalid',
        `The SSH configuration ${configFile} cannot be read.`,
        EXIT.invalidDocument,
      );
    }
    return [nodes];
  }
  const files = await Promise.all([
    readConfigFile(join(userFolder, 'config'), userFolder, place, 0),
    readConfigFile('/etc/ssh/ssh_config', '/etc/ssh', place, 0),
  ]);
  return files.filter(nodes => nodes !== undefined);
}

async function readConfigFile(
  path: string,
  includeFolder: string,
  place: ReadingPlace,
  depth: number,
): Promise<ConfigNode[] | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    // The package only parses. Its own evaluation would run `Match exec` and nslookup, and knows no Include.
    return await convertLines(SshConfig.parse(text), path, includeFolder, place, depth);
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    throw new ExpectedError(
      'ssh-config-invalid',
      `The SSH configuration ${path} is invalid: ${messageOf(error)}.`,
      EXIT.invalidDocument,
      {
        cause: error,
      },
    );
  }
}

async function convertLines(
  lines: SshConfig,
  path: string,
  includeFolder: string,
  place: ReadingPlace,
  depth: number,
): Promise<ConfigNode[]> {
  const nodes: ConfigNode[] = [];
  for (const line of lines) {
    if (line.type !== SshConfig.DIRECTIVE || !('param' in line) || line.param === '') continue;
    // The package lets a keyword without a value swallow the next line.
    if (/\s/.test(line.param) || line.separator.includes('\n')) {
      throw new Error(`"${line.param.split(/\s/)[0]}" has no value`);
    }
    const keyword = line.param.toLowerCase();
    const args = typeof line.value === 'string' ? [line.value] : line.value.map(word => word.val);
    if ('config' in line && (keyword === 'host' || keyword === 'match')) {
      const inner = await convertLines(line.config, path, includeFolder, place, depth);
      nodes.push({kind: 'section', section: keyword, args, file: path, nodes: inner});
    } else if (keyword === 'include') {
      if (depth >= MAX_INCLUDE_DEPTH) {
        throw new ExpectedError(
          'ssh-config-invalid',
          `The SSH configuration ${path} includes files more than ${MAX_INCLUDE_DEPTH} deep.`,
          EXIT.invalidDocument,
        );
      }
      const paths = (
        await Promise.all(args.map(pattern => listMatchingFiles(pattern, includeFolder, place)))
      ).flat();
      const files: ConfigNode[][] = [];
      for (const included of paths) {
        const content = await readConfigFile(included, includeFolder, place, depth + 1);
        if (content !== undefined) files.push(content);
      }
      nodes.push({kind: 'include', files});
    } else {
      nodes.push({kind: 'setting', keyword, args, file: path});
    }
  }
  return nodes;
}

/** Files for one Include pattern, in the order of their names; a relative pattern starts in the SSH folder. */
async function listMatchingFiles(
  pattern: string,
  includeFolder: string,
  place: ReadingPlace,
): Promise<string[]> {
  const expanded = expandPath(pattern, place.home, place.environment);
  const absolute = isAbsolute(expanded) ? expanded : join(includeFolder, expanded);
  return expandFolders(absolute);
}

async function expandFolders(pattern: string): Promise<string[]> {
  if (!/[*?]/.test(pattern)) return [pattern];
  const folder = dirname(pattern);
  const name = pattern.slice(folder.length).replace(/^\//, '');
  const found: string[] = [];
  for (const parent of await expandFolders(folder)) {
    let names: string[];
    try {
      names = (await readdir(parent)).sort();
    } catch {
      continue;
    }
    // A leading dot is matched by a dot only, as in a shell.
    for (const candidate of names) {
      if (candidate.startsWith('.') && !name.startsWith('.')) continue;
      if (matchesPattern(candidate, name)) found.push(join(parent, candidate));
    }
  }
  return found;
}
