/**
 * A list of names in which neighbours that count up are one range: "pi-001 to pi-050, pi-052". Names are taken in the
 * order given.
 */
export function formatNames(names: readonly string[]): string {
  const ranges: {first: string; last: string; count: number}[] = [];
  for (const name of names) {
    const open = ranges.at(-1);
    if (open !== undefined && name === successorOf(open.last)) {
      open.last = name;
      open.count += 1;
    } else ranges.push({first: name, last: name, count: 1});
  }
  return ranges
    .flatMap(({first, last, count}) => (count > 2 ? [`${first} to ${last}`] : [...new Set([first, last])]))
    .join(', ');
}

/** The same name with the number at its end one higher, as wide as before. */
function successorOf(name: string): string | null {
  const [, stem, digits] = /^(.*?)(\d+)$/.exec(name) ?? [];
  if (stem === undefined || digits === undefined) return null;
  return stem + String(Number(digits) + 1).padStart(digits.length, '0');
}
