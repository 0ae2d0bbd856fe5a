/**
 * OpenSSH's wildcards: `*` is any run of characters, `?` exactly one; nothing else is special.
 * @see ssh_config(5), PATTERNS
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let t = 0;
  let p = 0;
  let star = -1;
  let resumeAt = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p;
      p += 1;
      resumeAt = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      t += 1;
      p += 1;
    } else if (star >= 0) {
      // The last star takes one character more. Going back further than it never helps.
      p = star + 1;
      resumeAt += 1;
      t = resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** One pattern matches and no pattern with `!` before it does. */
export function matchesPatternList(text: string, patterns: readonly string[]): boolean {
  let hasPositive = false;
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(text, pattern.slice(1))) return false;
    } else if (matchesPattern(text, pattern)) {
      hasPositive = true;
    }
  }
  return hasPositive;
}
