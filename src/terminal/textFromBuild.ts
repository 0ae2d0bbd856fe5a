import type {Build} from '../documents/build.ts';
import {formatBytes, formatShare} from './formatNumbers.ts';

/** Every decision with its reason, and how the build compares with the original. */
export function textFromBuild({file, build}: {readonly file: string; readonly build: Build}): string {
  const {artefact, fidelity, accuracy} = build;
  return [
    `${build.model.name} for target ${build.target}: ${build.precision}, ${artefact.layers} layers, ${formatBytes(artefact.sizeBytes)}`,
    ...build.recipe.map(({decision, reason}) => `  ${decision}: ${reason}`),
    `  largest difference from the original ${fidelity.maxAbsoluteDifference.toExponential(1)} over ${fidelity.samples} samples`,
    ...(accuracy === undefined
      ? []
      : [
          `  ${accuracy.metric} ${formatShare(accuracy.build)} (original ${formatShare(accuracy.original)}) of ${accuracy.samples} samples`,
        ]),
    `Written to ${file}`,
  ].join('\n');
}
