import {ProtocolError} from '../protocol/protocolError.ts';

interface OfModel {
  readonly model: string;
  readonly version: string | null;
}

export type Route =
  | {readonly kind: 'server-metadata' | 'live' | 'ready' | 'repository-index' | 'statistics'}
  | ({readonly kind: 'model-metadata' | 'model-ready' | 'infer' | 'profile'} & OfModel)
  | {readonly kind: 'load' | 'unload'; readonly model: string};

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * What a request asks for.
 * @throws ProtocolError 404 for an unknown path, 405 for the wrong method, 400 for a name that cannot be a model's
 */
export function routeFromUrl(method: string, url: string): Route {
  const [root, ...rest] = segmentsFrom(url);
  if (root !== 'v2') throw new ProtocolError(404, `there is nothing at ${url}`);
  const route = matchSegments(rest);
  if (route === null) throw new ProtocolError(404, `there is nothing at ${url}`);
  const isPost = ['infer', 'profile', 'load', 'unload', 'repository-index'].includes(route.kind);
  const expected = isPost ? 'POST' : 'GET';
  if (method !== expected) throw new ProtocolError(405, `${url} takes ${expected}, not ${method}`);
  if ('model' in route && !NAME.test(route.model))
    throw new ProtocolError(400, `'${route.model}' cannot be a model's name`);
  return route;
}

/** One file of a model: a version's folder, then plain names; never hidden, never upwards. */
export function isModelFilePath(path: string): boolean {
  const [version = '', ...names] = path.split('/');
  return (
    /^[1-9]\d*$/.test(version) &&
    names.length > 0 &&
    names.every(name => /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name))
  );
}

function segmentsFrom(url: string): string[] {
  const path = url.split('?', 1)[0] ?? '';
  try {
    return path
      .split('/')
      .filter(segment => segment !== '')
      .map(decodeURIComponent);
  } catch {
    throw new ProtocolError(400, `${url} is not a valid path`);
  }
}

function matchSegments(segments: readonly string[]): Route | null {
  const [first, second, third, fourth] = segments;
  switch (first) {
    case undefined:
      return {kind: 'server-metadata'};
    case 'health':
      return segments.length === 2 && (second === 'live' || second === 'ready') ? {kind: second} : null;
    case 'edgewise':
      return segments.length === 2 && second === 'statistics' ? {kind: second} : null;
    case 'models':
      return second === undefined ? null : matchModel(second, segments.slice(2));
    case 'repository':
      if (second === 'index' && segments.length === 2) return {kind: 'repository-index'};
      if (second !== 'models' || third === undefined || segments.length !== 4) return null;
      return fourth === 'load' || fourth === 'unload' ? {kind: fourth, model: third} : null;
    default:
      return null;
  }
}

function matchModel(model: string, rest: readonly string[]): Route | null {
  const hasVersion = rest[0] === 'versions';
  const version = hasVersion ? (rest[1] ?? null) : null;
  if (hasVersion && version === null) return null;
  const action = (hasVersion ? rest.slice(2) : rest).join('/');
  switch (action) {
    case '':
      return {kind: 'model-metadata', model, version};
    case 'ready':
      return {kind: 'model-ready', model, version};
    case 'infer':
      return {kind: 'infer', model, version};
    case 'edgewise/profile':
      return {kind: 'profile', model, version};
    default:
      return null;
  }
}
