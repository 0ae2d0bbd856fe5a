import {textFromOciReference, type OciReference} from '../documents/ociReference.ts';
import {EXIT, ExpectedError} from '../errors.ts';

// Registries are spoken to by skopeo or oras: they know the user's credentials, certificates and mirrors.

interface Copy {
  readonly reference: OciReference;
  /** An OCI image layout. */
  readonly folder: string;
  readonly tag: string;
  readonly isPlainHttp: boolean;
}

interface RegistryTool {
  readonly name: 'skopeo' | 'oras';
  readonly pushArgs: (copy: Copy) => readonly string[];
  readonly pullArgs: (copy: Copy) => readonly string[];
}

/** Digests must stay what they are: nothing may be compressed or converted on the way. */
const SKOPEO_COPY = ['copy', '--all', '--preserve-digests', '--quiet'];

const TOOLS: readonly RegistryTool[] = [
  {
    name: 'skopeo',
    pushArgs: ({reference, folder, tag, isPlainHttp}) => [
      ...SKOPEO_COPY,
      ...(isPlainHttp ? ['--dest-tls-verify=false'] : []),
      `oci:${folder}:${tag}`,
      `docker://${textFromOciReference(reference)}`,
    ],
    pullArgs: ({reference, folder, tag, isPlainHttp}) => [
      ...SKOPEO_COPY,
      ...(isPlainHttp ? ['--src-tls-verify=false'] : []),
      `docker://${textFromOciReference(reference)}`,
      `oci:${folder}:${tag}`,
    ],
  },
  {
    name: 'oras',
    pushArgs: ({reference, folder, tag, isPlainHttp}) => [
      ...['cp', '--no-tty', '--from-oci-layout'],
      ...(isPlainHttp ? ['--to-plain-http'] : []),
      `${folder}:${tag}`,
      textFromOciReference(reference),
    ],
    pullArgs: ({reference, folder, tag, isPlainHttp}) => [
      ...['cp', '--no-tty', '--to-oci-layout'],
      ...(isPlainHttp ? ['--from-plain-http'] : []),
      textFromOciReference(reference),
      `${folder}:${tag}`,
    ],
  },
];

/** @throws ExpectedError `registry-tool-missing`, `registry-unreachable`, `registry-refused`, `registry-failed` */
export function pushLayout(copy: Copy): Promise<void> {
  return runTool(copy, ({pushArgs}) => pushArgs(copy));
}

/** @throws ExpectedError as `pushLayout`, `not-in-registry`, `blob-corrupted` */
export function pullLayout(copy: Copy): Promise<void> {
  return runTool(copy, ({pullArgs}) => pullArgs(copy));
}

async function runTool({reference}: Copy, argsOf: (tool: RegistryTool) => readonly string[]): Promise<void> {
  const {execa} = await import('execa');
  for (const tool of TOOLS) {
    const result = await execa(tool.name, argsOf(tool), {reject: false, stdin: 'ignore'});
    if (result.code === 'ENOENT') continue;
    if (result.exitCode === 0) return;
    throw explainFailure(tool.name, reference, result.stderr);
  }
  throw new ExpectedError(
    'registry-tool-missing',
    'Registries are reached by skopeo or oras, and neither is installed.',
    EXIT.commandFailed,
    {hints: ['apt-get install skopeo', 'go install oras.land/oras/cmd/oras@latest']},
  );
}

const WRONG_CONTENT = /digest did not match|mismatched digest|digest mismatch|unexpected digest/i;
/** "basic credential not found" is about the user. */
const NO_SUCH_NAME =
  /manifest[ _]unknown|name[ _]unknown|(?<!credential )not found|repository name not known/i;
const WRONG_USER = /unauthorized|authentication required|denied|forbidden|\b40[13]\b|credential/i;
const NO_ANSWER =
  /connection refused|no such host|i\/o timeout|unreachable|connection reset|TLS handshake|HTTP response to HTTPS|x509|EOF$/im;

/** In this order: what is wrong with the content first, then the name, the user, and the way there. */
function explainFailure(tool: RegistryTool['name'], reference: OciReference, stderr: string): ExpectedError {
  const {registry, repository} = reference;
  const message = `${tool} could not copy ${textFromOciReference(reference)}: ${lastWordsOf(stderr)}`;
  const login = [`${tool} login ${registry}`];
  if (WRONG_CONTENT.test(stderr))
    return new ExpectedError('blob-corrupted', message, EXIT.commandFailed, {
      hints: ['edgewise store push oci://REGISTRY/REPOSITORY:TAG'],
    });
  if (NO_SUCH_NAME.test(stderr)) {
    const list = tool === 'skopeo' ? 'skopeo list-tags docker://' : 'oras repo tags ';
    return new ExpectedError('not-in-registry', message, EXIT.usage, {
      hints: [`${list}${registry}/${repository}`],
    });
  }
  if (WRONG_USER.test(stderr))
    return new ExpectedError('registry-refused', message, EXIT.unreachable, {hints: login});
  if (NO_ANSWER.test(stderr))
    return new ExpectedError('registry-unreachable', message, EXIT.unreachable, {
      hints: ['edgewise store push --plain-http, for a registry without TLS'],
    });
  return new ExpectedError('registry-failed', message, EXIT.commandFailed, {hints: login});
}

/** The message inside skopeo's log line, or the last line as it is. */
function lastWordsOf(stderr: string): string {
  const lines = stderr
    .trim()
    .split('\n')
    .filter(line => line.trim() !== '');
  const line = lines.findLast(each => /level=fatal|^Error/.test(each)) ?? lines.at(-1) ?? 'it said nothing';
  const quoted = /msg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  const words = quoted === undefined ? line.replace(/^Error:?\s*/, '') : (JSON.parse(quoted) as string);
  return words.slice(0, 400);
}
