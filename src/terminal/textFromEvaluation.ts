import type {Evaluation, LayerError} from '../documents/evaluation.ts';
import {formatBytes, formatDecibels, formatSamples, formatShare} from './formatNumbers.ts';
import {formatTable, wrapText, type Column} from './formatTable.ts';
import {comparedAccuracy} from './textFromBuild.ts';

const LAYER_COLUMNS: readonly Column[] = [
  {title: 'layer', shrinksTo: 24},
  {title: 'operator'},
  {title: 'signal/noise', align: 'right'},
];

/** How good a build is, and which layers it loses its accuracy in. */
export function textFromEvaluation(evaluation: Evaluation, width?: number): string {
  const {accuracy, sizeBytes, originalSizeBytes, samples} = evaluation;
  return [
    `${evaluation.build} against ${evaluation.against}, ${formatSamples(samples)}`,
    `  size ${formatBytes(sizeBytes)}, ${formatShare(sizeBytes / originalSizeBytes)} of the original`,
    `  ${comparedAccuracy(accuracy, evaluation.maxAbsoluteDifference)}`,
    `  largest difference ${evaluation.maxAbsoluteDifference.toExponential(1)}`,
    ...evaluation.outputs.map(({name, sqnrDb}) => `  output ${name}: ${formatDecibels(sqnrDb)}`),
    ...layerTable('Worst layers by accumulated error', evaluation.worstAccumulated, width),
    ...layerTable('Worst layers by their own error', evaluation.worstOwn, width),
    ...evaluation.warnings.map(text => wrapText(`warning: ${text}`, width, '  ')),
  ].join('\n');
}

/** Layers that compute what the original does are no bad ones. */
function layerTable(title: string, errors: readonly LayerError[], width?: number): string[] {
  const rows = errors
    .filter(({sqnrDb}) => sqnrDb !== null)
    .map(({layer, operator, sqnrDb}) => [layer, operator, formatDecibels(sqnrDb)]);
  return rows.length === 0 ? [] : ['', title, formatTable(LAYER_COLUMNS, rows, width)];
}
