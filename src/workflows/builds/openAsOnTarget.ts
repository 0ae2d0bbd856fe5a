import type {Precision} from '../../documents/build.ts';
import {openExactBuild} from './openExactBuild.ts';
import type {OpenBuild} from './openJudge.ts';
import {openSaturatingBuild} from './openSaturatingBuild.ts';

export interface OpeningOptions {
  readonly temporaryFolder: string;
  readonly threads: number;
}

/**
 * How a build is run to be judged as its target computes it, whatever machine this is; nothing where all compute alike.
 * @param saturates of the target's recipe
 */
export function openAsOnTarget(
  precision: Precision,
  saturates: boolean,
  options: OpeningOptions,
): {openBuild?: OpenBuild} {
  if (precision !== 'int8' && precision !== 'int8-dynamic') return {};
  return {openBuild: path => (saturates ? openSaturatingBuild : openExactBuild)(path, options)};
}
