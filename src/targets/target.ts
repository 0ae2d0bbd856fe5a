import type {Precision} from '../documents/build.ts';
import type {Hardware} from '../documents/profile.ts';
import type {QuantizationScheme} from '../documents/quantizationScheme.ts';

export const TARGET_NAMES = [
  'x86',
  'x86-vnni',
  'x86-amx',
  'arm64',
  'arm64-dotprod',
  'arm64-i8mm',
  'tensorrt-10',
  'tensorrt-11',
  'openvino',
  'iree',
  'qnn',
  'stm32mp2',
  'rknn',
] as const;

export type TargetName = (typeof TARGET_NAMES)[number];

/** What a target is recognised by; the rest of a profile does not matter to it. */
export type TargetFacts = Pick<Hardware, 'architecture' | 'cpuFeatures' | 'cores'> &
  Partial<Pick<Hardware, 'cpuModel' | 'board' | 'linuxForTegra' | 'nvidiaDriver' | 'tensorrt' | 'tools'>>;

/** A hardware family, how it is recognised and how models are compiled for it. Data but for `recognise`. */
export interface TargetDefinition {
  readonly name: TargetName;
  /** The facts that decided, or `null` when the machine is not of this family, or the target is asked for by name only. */
  readonly recognise: (facts: TargetFacts) => readonly string[] | null;
  readonly recipe: Omit<Recipe, 'threads'>;
}

/** A hardware family as one machine has it. */
export interface Target {
  readonly name: TargetName;
  /** Why the machine was taken for this family: the facts that decided. */
  readonly recognisedBy: readonly string[];
  readonly recipe: Recipe;
}

export interface Recipe {
  /** Builds to try, the most promising first. Of those within the accuracy budget the fastest on the device is taken. */
  readonly candidates: readonly CandidateBuild[];
  /** Builds of further precisions, made when one is asked for by name; left out when there are none. */
  readonly onRequest?: readonly CandidateBuild[];
  /** Its kernels add two products in 16 bits and saturate there: the accuracy of integer builds is judged with that. */
  readonly saturates?: boolean;
  /** How models are pruned for it; channels in eights, the lanes of a 256-bit vector, when left out. */
  readonly pruning?: TargetPruning;
  readonly artefact: ArtefactKind;
  /** What makes the artefact from the ONNX file; `null` where the ONNX file is the artefact. */
  readonly compiler: {readonly name: CompilerName; readonly runs: 'here' | 'on-device'} | null;
  /** Of the runtime's sessions on the device; `null` without a device: then as many as the machine has cores. */
  readonly threads: number | null;
}

export interface TargetPruning {
  /** Of channels that stay: what does not fill the vectors or tiles of the kernels costs time and saves none. */
  readonly multipleOf: 8 | 16;
  /** Sparse kernels leave out two of every four weights. */
  readonly isTwoOfFour: boolean;
}

/** `onnx` files are what the agent serves; the others are for the vendor's own runtime. */
export type ArtefactKind = 'onnx' | 'tensorrt-engine' | 'openvino-ir' | 'iree-module' | 'nbg' | 'rknn';

export type CompilerName = 'trtexec' | 'openvino' | 'stedgeai' | 'rknn' | 'iree';

/** `kernels`: operators of com.microsoft, for ONNX Runtime; `dequantize`: standard operators of opset 21, for any runtime. */
export interface BlockStorage {
  readonly bits: 4 | 8;
  readonly blockSize: 32 | 128;
  readonly isSymmetric: boolean;
  readonly format: 'kernels' | 'dequantize';
  /** Sizes to choose from, by preference, where the runtime takes no block that is cut short. */
  readonly wholeBlocks?: readonly (16 | 32 | 64 | 128)[];
}

export interface CandidateBuild {
  /** Unique within the recipe: `int8-u8s8`. */
  readonly name: string;
  readonly precision: Precision;
  /** Why it is worth trying. */
  readonly reason: string;
  /** Models for which it is: all, or those that spend most of their time in products of matrices. */
  readonly suits: 'every-model' | 'matrix-products';
  /** How to quantise; `null` for precisions that need no calibration, and where the compiler quantises by itself. */
  readonly scheme: QuantizationScheme | null;
  /** Who lowers the precision: edgewise in the ONNX file, or the compiler, which is then given float32. */
  readonly loweredBy: 'edgewise' | 'compiler';
  /** What the ONNX file computes in where it does not compute on integers. */
  readonly floatType: 'float32' | 'float16';
  /**
   * Level of the runtime's optimiser that the file is written at. `extended` runs on every CPU alike but has operators
   * that only ONNX Runtime knows; `basic` leaves what other compilers read. Higher levels are for one machine only.
   */
  readonly optimisation: 'basic' | 'extended';
  /** How weights are stored with a scale per block; left out where they have one per channel. */
  readonly blocks?: BlockStorage;
  /** Weights of dynamic quantisation use half their range: x86 without VNNI. Schemes say it of static quantisation. */
  readonly weightBits?: 7;
  /** Only for processors with one of these features; without a device it is left out. */
  readonly onlyWith?: readonly string[];
  /** Only for processors with none of these features; without a device it is taken. */
  readonly onlyWithout?: readonly string[];
}
