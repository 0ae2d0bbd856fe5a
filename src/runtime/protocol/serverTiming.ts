/** Durations in milliseconds by name, in order. */
export type Timings = readonly (readonly [string, number])[];

/** @see https://www.w3.org/TR/server-timing/ */
export function serverTimingFromTimings(timings: Timings): string {
  return timings.map(([name, ms]) => `${name};dur=${ms.toFixed(3)}`).join(', ');
}

/** Entries without a duration, and what is not an entry, are left out. */
export function timingsFromServerTiming(
  header: string | readonly string[] | undefined,
): ReadonlyMap<string, number> {
  const timings = new Map<string, number>();
  for (const entry of [header ?? ''].flat().join(',').split(',')) {
    const [name = '', ...fields] = entry.split(';').map(part => part.trim());
    const duration = fields
      .map(field => /^dur="?([0-9.]+)"?$/i.exec(field)?.[1])
      .find(found => found !== undefined);
    if (name !== '' && duration !== undefined) timings.set(name, Number(duration));
  }
  return timings;
}
