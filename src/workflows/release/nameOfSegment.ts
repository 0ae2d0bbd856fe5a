/** Named by its content, so devices with the same segment share it and an old release keeps the one it knows. */
export function nameOfSegment(stem: string, contentHex: string): string {
  return `${stem}-${contentHex.slice(0, 12)}`;
}
