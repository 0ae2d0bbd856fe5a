import type {Build} from '../documents/build.ts';
import {formatBytes, formatDecibels, formatMs, formatSamples, formatShare} from './formatNumbers.ts';
import {formatTable, wrapText, type Column} from './formatTable.ts';

const CANDIDATE_COLUMNS: readonly Column[] = [
  {title: 'build', shrinksTo: 16},
  {title: 'size', align: 'right'},
  {title: 'accuracy', align: 'right'},
  {title: 'time', align: 'right'},
  {title: 'verdict', shrinksTo: 20, isWrapped: true},
];

/** Every decision with its reason, and how the build compares with the original. */
export function textFromBuild(
  {file, build}: {readonly file: string; readonly build: Build},
  width?: number,
): string {
  const inner = width === undefined ? undefined : width - 2;
  const indented = (text: string): string => `  ${wrapText(text, inner, '    ')}`;
  const {artefact, target, precision, model} = build;
  return [
    `${model.name} for target ${target}: ${precision}, ${artefact.layers} layers, ${sizeText(artefact)}`,
    ...build.recipe.map(({decision, reason}) => indented(`${decision}: ${reason}`)),
    ...floatLayerLines(build.floatLayers ?? []).map(indented),
    ...comparisonLines(build).map(indented),
    ...candidateLines(build, inner).map(line => `  ${line}`),
    ...(build.warnings ?? []).map(text => indented(`warning: ${text}`)),
    `Written to ${[file, artefact.file, ...(build.compiled?.files ?? []).map(one => one.file)].filter(name => name !== undefined).join(' and ')}`,
  ].join('\n');
}

function sizeText({sizeBytes, originalSizeBytes}: Build['artefact']): string {
  if (originalSizeBytes === undefined) return formatBytes(sizeBytes);
  return `${formatBytes(sizeBytes)} (${formatShare(sizeBytes / originalSizeBytes)} of the original)`;
}

/** Layers left in float, by reason: a detector has dozens of them. */
function floatLayerLines(layers: NonNullable<Build['floatLayers']>): string[] {
  const byReason = new Map<string, string[]>();
  for (const {layer, reason} of layers) byReason.set(reason, [...(byReason.get(reason) ?? []), layer]);
  return [...byReason].map(([reason, names]) => {
    const shown = names.slice(0, 3).join(', ');
    return `${names.length} in float (${reason}): ${shown}${names.length > 3 ? ', …' : ''}`;
  });
}

function comparisonLines({fidelity, accuracy, latency}: Build): string[] {
  const {maxAbsoluteDifference, samples, outputs = []} = fidelity;
  const lines = [
    `largest difference from the original ${maxAbsoluteDifference.toExponential(1)} over ${formatSamples(samples)}`,
    ...outputs.map(({name, sqnrDb}) => `output ${name}: ${formatDecibels(sqnrDb)}`),
  ];
  if (accuracy !== undefined) {
    const budget = accuracy.budget === undefined ? '' : `, budget ${accuracy.budget}`;
    lines.push(
      `${comparedAccuracy(accuracy, maxAbsoluteDifference)} of ${formatSamples(accuracy.samples)}${budget}`,
    );
  }
  if (latency !== undefined) {
    lines.push(
      `${formatMs(latency.build.medianMs)} on ${latency.machine} (original ${formatMs(latency.original.medianMs)}, ratio ${latency.ratio.toFixed(2)})`,
    );
  }
  return lines;
}

function candidateLines({candidates = [], accuracy}: Build, width?: number): string[] {
  if (candidates.length < 2) return [];
  const rows = candidates.map(({name, sizeBytes, accuracy: value, latencyMs, verdict}) => [
    name,
    formatBytes(sizeBytes),
    value === undefined ? '-' : accuracyText(accuracy?.metric ?? '', value),
    latencyMs === undefined ? '-' : formatMs(latencyMs),
    verdict,
  ]);
  return formatTable(CANDIDATE_COLUMNS, rows, width).split('\n');
}

/** A build's accuracy beside the original's. */
export function comparedAccuracy(
  {metric, build, original}: Pick<NonNullable<Build['accuracy']>, 'metric' | 'build' | 'original'>,
  maxAbsoluteDifference: number,
): string {
  if (metric !== 'sqnr')
    return `${metric} ${accuracyText(metric, build)} (original ${accuracyText(metric, original)})`;
  // The original against itself has no noise, and neither has a build that is equal to it.
  const isEqual = build === null && maxAbsoluteDifference === 0;
  return `sqnr ${isEqual ? 'without noise' : accuracyText(metric, build)}`;
}

function accuracyText(metric: string, value: number | null): string {
  if (value === null) return 'not finite';
  if (metric === 'top-1' || metric === 'top-5') return formatShare(value);
  return metric === 'sqnr' ? `${value.toFixed(1)} dB` : value.toPrecision(4);
}
