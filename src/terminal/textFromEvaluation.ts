import type {Evaluation, LayerError} from '../documents/evaluation.ts';
import {formatBytes, formatShare} from './formatNumbers.ts';
import {formatTable, type Column} from './formatTable.ts';
import {accuracyText} from './textFromBuild.ts';

const LAYER_COLUMNS: readonly Column[] = [
  {title: 'layer', shrinksTo: 24},
  {title: 'operator'},
  {title: 'signal/noise', align: 'right'},
];

/** How good a build is, and which layers it loses its accuracy in. */
export function textFromEvaluation(evaluation: Evaluation): string {
  const {accuracy, sizeBytes, originalSizeBytes, samples} = evaluation;
  const show = (value: number | null): string => accuracyText(accuracy.metric, value);
  return [
    `${evaluation.build} against ${evaluation.against}, ${samples} samples`,
    `  size ${formatBytes(sizeBytes)}, ${formatShare(sizeBytes / originalSizeBytes)} of the original`,
    `  ${accuracy.metric} ${show(accuracy.build)} (original ${show(accuracy.original)})`,
    `  largest difference ${evaluation.maxAbsoluteDifference.toExponential(1)}`,
    ...evaluation.outputs.map(({name, sqnrDb}) => `  output ${name}: ${decibels(sqnrDb)}`),
    ...layerTable('Worst layers by accumulated error', evaluation.worstAccumulated),
    ...layerTable('Worst layers by their own error', evaluation.worstOwn),
    ...evaluation.warnings.map(text => `warning: ${text}`),
  ].join('\n');
}

function layerTable(title: string, errors: readonly LayerError[]): string[] {
  if (errors.length === 0) return [];
  const rows = errors.map(({layer, operator, sqnrDb}) => [layer, operator, decibels(sqnrDb)]);
  return ['', title, formatTable(LAYER_COLUMNS, rows)];
}

function decibels(value: number | null): string {
  return value === null ? 'equal' : `${value.toFixed(1)} dB`;
}
