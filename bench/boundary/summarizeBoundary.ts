import type {BoundaryRow} from './measureBoundary.ts';

const LEAST_RATIO = 3.9;
const MOST_POINTS_LOST = 0.5;
/** Of the largest answer: the two runtimes are of different versions, whose layers may round differently. */
const LARGEST_DIFFERENCE = 0.01;

/** A line per cut and precision, then a line per model and precision, held against the bars. */
export function summarizeBoundary(rows: readonly BoundaryRow[]): {
  readonly text: string;
  readonly isMissed: boolean;
} {
  const lines = [
    line(['model', 'layers', 'precision', 'kB', 'fewer bytes', 'right', 'points lost', 'Python']),
  ];
  for (const row of rows)
    lines.push(
      line([
        row.model,
        `${row.deviceLayers}/${row.layers}`,
        row.precision,
        (row.plainBytes / 1000).toFixed(1),
        `${ratioOf(row).toFixed(2)} ×`,
        `${row.composedRight} of ${row.originalRight}`,
        pointsLostOf(row).toFixed(2),
        row.problem ?? row.pythonDifference.toExponential(1),
      ]),
    );
  lines.push(
    '',
    line(['model', 'precision', 'samples', 'cuts', 'that hold', 'fewer bytes', 'mean lost', '']),
  );
  let isMissed = false;
  const refused: BoundaryRow[] = [];
  const names = new Set(rows.map(({model, precision}) => `${model} ${precision}`));
  for (const name of names) {
    const group = rows.filter(({model, precision}) => `${model} ${precision}` === name);
    const [first] = group;
    if (first === undefined) continue;
    const lost = group.map(pointsLostOf);
    const ratio = Math.min(...group.map(ratioOf));
    const held = group.filter(row => pointsLostOf(row) <= MOST_POINTS_LOST);
    const isSame = group.every(
      ({problem, pythonDifference}) => problem === null && pythonDifference <= LARGEST_DIFFERENCE,
    );
    const isSmaller = first.precision !== 'int8' || ratio >= LEAST_RATIO;
    // A plan never has what its budget refuses; a precision that is refused at every cut is no use to anyone.
    const isMet = isSame && isSmaller && held.length > 0;
    isMissed ||= !isMet;
    refused.push(...group.filter(row => !held.includes(row)));
    lines.push(
      line([
        first.model,
        first.precision,
        String(first.samples),
        String(group.length),
        String(held.length),
        `${ratio.toFixed(2)} ×`,
        (lost.reduce((sum, each) => sum + each, 0) / lost.length).toFixed(2),
        !isMet
          ? 'MISSED'
          : held.length === group.length
            ? 'met'
            : `met, ${group.length - held.length} refused`,
      ]),
    );
  }
  lines.push(
    '',
    `${rows.length - refused.length} of ${rows.length} lose at most ${MOST_POINTS_LOST} points of top-1; plans, whose budget that is, refuse the rest:`,
    ...(refused.length === 0 ? ['none'] : refused.map(describeCut)),
    '',
    `bar: int8 in at least ${LEAST_RATIO} × fewer bytes; at most ${MOST_POINTS_LOST} points lost at every cut that a plan with that budget can have; onnx.checker and Python agree`,
  );
  return {text: lines.join('\n'), isMissed};
}

function describeCut(row: BoundaryRow): string {
  const {model, precision, deviceLayers, layers, originalRight, composedRight, samples} = row;
  return `${model} at ${deviceLayers} of ${layers} layers as ${precision}: ${composedRight} right instead of ${originalRight}, of ${samples}`;
}

function ratioOf({plainBytes, wireBytes}: BoundaryRow): number {
  return plainBytes / wireBytes;
}

/** Less than nothing where rounding happened to help. */
function pointsLostOf({originalRight, composedRight, samples}: BoundaryRow): number {
  return (100 * (originalRight - composedRight)) / samples;
}

function line([first = '', ...others]: readonly string[]): string {
  return [first.padEnd(22), ...others.map(cell => cell.padStart(12))].join(' ').trimEnd();
}
