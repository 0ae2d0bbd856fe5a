/** The points that no line between two others runs below; as they come, ascending in the first. */
export function hullOf<P extends {readonly amounts: readonly [number, number]}>(
  points: readonly P[],
): ReadonlySet<P> {
  const hull: P[] = [];
  for (const point of points) {
    for (let one = hull.at(-2), other = hull.at(-1); one && other; one = hull.at(-2), other = hull.at(-1)) {
      const [[x1, y1], [x2, y2], [x, y]] = [one.amounts, other.amounts, point.amounts];
      if ((y2 - y1) * (x - x1) <= (y - y1) * (x2 - x1)) break;
      hull.pop();
    }
    hull.push(point);
  }
  return new Set(hull);
}
