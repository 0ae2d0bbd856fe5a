import type {Improvement} from '../../documents/improvements.ts';
import type {Graph} from '../../model/graph.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import type {TensorError} from '../../quantize/accuracy/layerErrors.ts';
import type {Decision} from '../../quantize/precision/loweredModel.ts';
import type {DoneLayers} from '../../quantize/correction/improveQuantization.ts';
import type {RunMode, SampleRunner} from '../../quantize/sampleRunner.ts';

/** A model in lower precision, with the layers that stayed in float. */
export interface LoweredBuild {
  readonly model: OnnxModel;
  readonly floatLayers: readonly {readonly layer: string; readonly reason: string}[];
  /** Nothing is left in lower precision: the float model in another file. */
  readonly isFloat?: boolean;
  /** The same before what is left went to float16: layer by layer, models are compared in float32. */
  readonly inFloat32?: OnnxModel;
  /** What is judged instead, where a vendor's compiler lowers the model: the nearest thing that runs here. */
  readonly standIn?: OnnxModel;
}

/** One way to a lower precision, prepared so that it can be walked again with more layers kept. */
export interface Lowering {
  /** The float model that it starts from, equalised or pruned perhaps. */
  readonly graph: Graph;
  /** What was decided for all layers alike. */
  readonly decisions: readonly Decision[];
  build(keptLayers: ReadonlySet<string>): LoweredBuild;
  /** What `rank` goes by; the layers' own errors when left out. */
  readonly rankedBy?: 'own-errors' | 'accumulated-errors';
  /** Each layer can be lowered alone, so that what it does to the outputs can be seen. */
  readonly isSeparable?: boolean;
  /** The layers that can be kept, most sensitive first, by the errors of what they make. */
  rank(errors: readonly TensorError[]): readonly string[];
}

/** Says which step of a lowering runs, and how far it is where it goes layer by layer. */
export type ReportStep = (step: string, layers?: DoneLayers) => void;

/** What every lowering works with. */
export interface LoweringContext {
  readonly graph: Graph;
  /** Calibration samples first, then those held out, then perhaps varied copies of these. */
  readonly runner: SampleRunner;
  readonly calibrationRequests: number;
  /** Calibration samples and those held out, without copies. */
  readonly distinctRequests: number;
  readonly mode: RunMode;
  /** Steps that the user switched off. */
  readonly without: readonly Improvement[];
  readonly seed: number;
  readonly report: ReportStep;
}
