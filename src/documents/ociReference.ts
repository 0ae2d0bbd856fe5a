import {EXIT, ExpectedError} from '../errors.ts';

/** One name in a registry. */
export interface OciReference {
  /** Host, with its port where it has one. */
  readonly registry: string;
  readonly repository: string;
  /** What stands for one state of the repository: `:TAG` or `@sha256:…`, sign included. */
  readonly version: string;
}

const SCHEME = 'oci://';
const REGISTRY = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REST = new RegExp(
  `^(${COMPONENT}(?:/${COMPONENT})*)(:[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}|@sha256:[0-9a-f]{64})?$`,
);

/**
 * `oci://REGISTRY/REPOSITORY[:TAG|@sha256:DIGEST]`; without either the tag is `latest`.
 * @throws ExpectedError `invalid-oci-reference`; a name and a password in it are refused and not repeated
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 */
export function ociReferenceFrom(text: string): OciReference {
  if (text.includes('@') && !text.includes('@sha256:'))
    throw invalid('A registry address takes no user and no password', ['skopeo login REGISTRY']);
  const rest = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : '';
  const slash = rest.indexOf('/');
  const registry = rest.slice(0, Math.max(slash, 0));
  const [, repository, version = ':latest'] = REST.exec(rest.slice(slash + 1)) ?? [];
  if (!REGISTRY.test(registry) || repository === undefined)
    throw invalid(`${text} is not oci://REGISTRY/REPOSITORY[:TAG]`, []);
  return {registry, repository, version};
}

export function textFromOciReference({registry, repository, version}: OciReference): string {
  return `${registry}/${repository}${version}`;
}

function invalid(why: string, hints: readonly string[]): ExpectedError {
  return new ExpectedError('invalid-oci-reference', `${why}.`, EXIT.usage, {hints});
}
