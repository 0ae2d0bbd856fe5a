import {FORMAT_VERSION} from './documentKinds.ts';
import type {DocumentKind} from './documentKinds.ts';

export interface DocumentHeader<K extends DocumentKind> {
  readonly kind: `edgewise/${K}`;
  readonly formatVersion: typeof FORMAT_VERSION;
  readonly madeBy: string;
  readonly madeAt: string;
  readonly madeFrom: Record<string, string>;
}

/** What a document starts with. `version` is edgewise's own, `now` the time, `madeFrom` a digest per input. */
export function writeHeader<K extends DocumentKind>(
  kind: K,
  {version, now, madeFrom}: {version: string; now: Date; madeFrom: Readonly<Record<string, string>>},
): DocumentHeader<K> {
  return {
    kind: `edgewise/${kind}`,
    formatVersion: FORMAT_VERSION,
    madeBy: `edgewise ${version}`,
    madeAt: now.toISOString(),
    madeFrom: {...madeFrom},
  };
}
