import type {OperatorRule, QuantizationScheme} from '../documents/quantizationScheme.ts';
import {CPU_OPERATORS} from './cpuOperators.ts';
import type {CandidateBuild, TargetDefinition} from './target.ts';

const OWN_SCALES: OperatorRule = {kind: 'own-scales'};
const OWN_OUTPUT: OperatorRule = {kind: 'own-output'};
const SAME_SCALE: OperatorRule = {kind: 'same-scale'};
const WEIGHTED: OperatorRule = {kind: 'weighted'};

/**
 * Hexagon's tensor processor takes graphs that are integers throughout: an operator left in float goes back to the CPU. So
 * more is quantised than on a CPU. Weights per tensor: per channel is for convolutions only.
 * @see https://onnxruntime.ai/docs/execution-providers/QNN-ExecutionProvider.html, "Supported ONNX operators";
 * onnxruntime/quantization/execution_providers/qnn/quant_config.py
 */
const OPERATORS: QuantizationScheme['operators'] = {
  ...CPU_OPERATORS,
  Conv: WEIGHTED,
  ConvTranspose: WEIGHTED,
  Gemm: WEIGHTED,
  MatMul: WEIGHTED,
  Div: OWN_SCALES,
  Max: OWN_SCALES,
  Min: OWN_SCALES,
  Sub: OWN_SCALES,
  Abs: OWN_OUTPUT,
  Elu: OWN_OUTPUT,
  Exp: OWN_OUTPUT,
  HardSigmoid: OWN_OUTPUT,
  HardSwish: OWN_OUTPUT,
  Neg: OWN_OUTPUT,
  ReduceMean: OWN_OUTPUT,
  ReduceSum: OWN_OUTPUT,
  Sqrt: OWN_OUTPUT,
  Sigmoid: {kind: 'fixed-output', min: 0, max: 1},
  Tanh: {kind: 'fixed-output', min: -1, max: 1},
  Pad: SAME_SCALE,
  SpaceToDepth: SAME_SCALE,
};

const SCHEME_A8: QuantizationScheme = {
  activations: {elementType: 'uint8', isSymmetric: false},
  weights: {elementType: 'uint8', isPerChannel: false, bits: 8, isPairOnWeights: false},
  bias: 'int32',
  operators: OPERATORS,
  isIntegerThroughout: true,
};

/** At 16 bits the kernels of these have scales of their own, 1/65536 and 1/32768, which these ranges give. */
const SCHEME_A16: QuantizationScheme = {
  ...SCHEME_A8,
  activations: {elementType: 'uint16', isSymmetric: false},
  operators: {
    ...OPERATORS,
    Sigmoid: {kind: 'fixed-output', min: 0, max: 1 - 2 ** -16},
    Tanh: {kind: 'fixed-output', min: -1, max: 1 - 2 ** -15},
  },
};

const BUILD = {
  suits: 'every-model',
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  optimisation: 'basic',
} as const satisfies Partial<CandidateBuild>;

/** Snapdragon's Hexagon through ONNX Runtime's QNN provider, which takes the quantised ONNX file as it is. Static shapes only. */
export const QNN: TargetDefinition = {
  name: 'qnn',
  recognise: ({architecture, board, tools}) => {
    const chip = board?.compatible.find(name => name.startsWith('qcom,'));
    const library = tools?.['libQnnHtp.so'];
    return architecture === 'arm64' && chip !== undefined && library !== undefined
      ? [chip, 'libQnnHtp.so']
      : null;
  },
  recipe: {
    candidates: [
      {
        ...BUILD,
        name: 'int8-a8w8',
        precision: 'int8',
        reason: 'what Hexagon computes fastest',
        scheme: SCHEME_A8,
      },
      {
        ...BUILD,
        name: 'int8-a16w8',
        precision: 'int8',
        reason: 'activations of 16 bits keep accuracy where 8 do not, at about half the speed',
        scheme: SCHEME_A16,
      },
      {
        ...BUILD,
        name: 'fp16',
        precision: 'fp16',
        reason: 'newer Hexagon processors compute in half precision',
        floatType: 'float16',
      },
      {
        ...BUILD,
        name: 'fp32',
        precision: 'fp32',
        reason: 'runs on the CPU: never hand out anything slower or worse',
      },
    ],
    artefact: 'onnx',
    compiler: null,
  },
};
