import {z} from 'zod';

export const sha256Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected "sha256:" and 64 hex digits');

/** What every document that edgewise writes starts with. `madeFrom` names each input and its digest. */
export function headerOf<K extends string>(kind: K) {
  return {
    kind: z.literal(kind),
    formatVersion: z.literal(1),
    madeBy: z.string(),
    madeAt: z.iso.datetime(),
    madeFrom: z.record(z.string(), sha256Digest),
  };
}
