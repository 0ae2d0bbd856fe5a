import type {AccuracyBudget, AccuracyMetric} from '../../documents/accuracyBudget.ts';
import type {Build, Precision} from '../../documents/build.ts';
import type {DataSource} from '../../documents/dataSource.ts';
import type {Improvement} from '../../documents/improvements.ts';
import type {Preprocessing} from '../../documents/preprocessing.ts';
import type {PrunedGroup} from '../../quantize/pruning/proposePruning.ts';
import type {CandidateBuild, TargetPruning} from '../../targets/target.ts';

/** Everything that decides what comes out; plain data, because the work is done in a thread of its own. */
export interface CompileJob {
  readonly modelFile: string;
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Where results go, and what is made on the way. */
  readonly storeFolder: string;
  readonly temporaryFolder: string;
  readonly cacheFolder: string;
  /** `null` when no candidate needs any. */
  readonly data: {
    readonly calibration: DataSource;
    readonly evaluation: DataSource | null;
    readonly preprocessing: Preprocessing | null;
    /** Relative paths start here. */
    readonly baseFolder: string;
    readonly calibrationSamples: number;
  } | null;
  readonly metric: AccuracyMetric | null;
  readonly budget: AccuracyBudget | null;
  /** Those that do not suit the model are left out. */
  readonly candidates: readonly CandidateBuild[];
  /** Of the target: integer builds are judged as its processors compute them, which saturate at 16 bits. */
  readonly saturates: boolean;
  readonly without: readonly Improvement[];
  /** `null` without pruning. */
  readonly pruning: TargetPruning | null;
  readonly seed: number;
  readonly threads: number;
}

/** What was pruned from the float model before its precision was lowered. */
export interface CandidatePruning {
  /** Name of the candidate that is the same but for this. */
  readonly unpruned: string;
  readonly savedShare: number;
  readonly groups: readonly PrunedGroup[];
  readonly sparseLayers: readonly string[];
}

/** One finished candidate, in the store. */
export interface CompiledCandidate {
  readonly name: string;
  readonly precision: Precision;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly layers: number;
  readonly recipe: Build['recipe'];
  readonly floatLayers: NonNullable<Build['floatLayers']>;
  /** On random values where there are no data. */
  readonly fidelity: Build['fidelity'];
  /** `null` when nothing was measured: no data. */
  readonly accuracy: number | null;
  readonly isWithinBudget: boolean;
  /** Full validations spent by accuracy control. */
  readonly validations: number;
  readonly pruning: CandidatePruning | null;
}

export interface CompiledModel {
  readonly modelDigest: string;
  readonly originalSizeBytes: number;
  readonly runtimeVersion: string;
  readonly candidates: readonly CompiledCandidate[];
  readonly calibration: NonNullable<Build['calibration']> | null;
  readonly judged: {
    readonly metric: string;
    readonly isHigherBetter: boolean;
    /** `null` for sqnr: the original against itself has no noise. */
    readonly original: number | null;
    readonly samples: number;
  } | null;
  /** Why no more was pruned; `null` without pruning. */
  readonly pruningEnded: string | null;
  /** Channels that pruning did not look at. */
  readonly pruningLeftOut: Build['recipe'];
  readonly warnings: readonly string[];
}
