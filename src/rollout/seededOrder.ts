/** A number in [0, 1) that depends on the seed and the name alone: who comes first is the same on every machine. */
export function seededRank(seed: string, name: string): number {
  // FNV-1a, then MurmurHash3's finaliser, because names that differ in their last letter must land far apart.
  let hash = 0x811c9dc5;
  for (const character of `${seed}\u0000${name}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
