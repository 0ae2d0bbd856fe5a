/** Whether a layer's name is meant: it is the pattern itself, or fits it with any letters for each `*`. */
export function matchesPattern(name: string, pattern: string): boolean {
  if (name === pattern) return true;
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined || !name.startsWith(first)) return false;
  // From left to right, each piece at its first place: what is left over is longest then, so no other way can fit better.
  let at = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
