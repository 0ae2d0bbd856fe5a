import type {Precision} from '../../documents/build.ts';
import type {Improvement} from '../../documents/improvements.ts';
import type {ConnectOptions} from '../connectDevice.ts';

/** What `edgewise compile` was asked for. */
export interface CompileRequest {
  readonly projectPath: string;
  /** Instead of the project's, or without a project. */
  readonly model?: string;
  readonly device?: string;
  readonly target?: string;
  /** Calibration data: a path from the current folder, or `random`. */
  readonly data?: string;
  /** Evaluation data: a path from the current folder. */
  readonly evaluation?: string;
  readonly precision: Precision | 'auto';
  readonly maxDrop?: string;
  readonly isPruned: boolean;
  readonly without: readonly Improvement[];
  readonly calibrationSamples: number;
  readonly seed: number;
  readonly connect: ConnectOptions;
}
