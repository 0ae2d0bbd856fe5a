import type {Graph, Layer} from '../../model/graph.ts';
import type {OnnxTensor} from '../../model/onnx/messages.ts';
import {elementTypeOfTensor, sizeOfTensorBytes} from '../../model/onnx/tensorData.ts';
import {constantsOf, floatsOfTensor} from '../floatsOfTensor.ts';
import {floatAttribute} from '../nodeAttributes.ts';

/** Measured values beyond this are looked at one by one. */
export const LARGEST_SAFE = 1e10;

/** Decimal exponents; float32 goes to 38. */
const SAFE_EXPONENT = 10;
const LARGEST_EXPONENT = 37;
/** Of the number of products that are added up to one value of a convolution or of a product of matrices. */
const TERMS_EXPONENT = 8;
/** Larger weights are not read for this. */
const MOST_WEIGHT_BYTES = 2 ** 24;

/** What they make is no larger in magnitude than the largest value that they read. */
const NEVER_LARGER = operators(
  'Identity Relu MaxPool AveragePool GlobalAveragePool GlobalMaxPool Concat Flatten Reshape Transpose Squeeze Unsqueeze',
);
/** What they make of finite values is between −1 and 1. */
const WITHIN_ONE = operators('Sigmoid Tanh Softmax HardSigmoid');
const SUMS = operators('Add Sub');
const PRODUCT_SUMS = operators('Conv Gemm MatMul');

/**
 * Of the measured tensors those that are surely finite where all measured ones that they come from are, and none of them is
 * beyond LARGEST_SAFE: nothing on the way overflows, and so nothing becomes NaN. What callers give is never among them.
 */
export function finiteTensors(graph: Graph, measured: ReadonlySet<string>): ReadonlySet<string> {
  const constants = constantsOf(graph);
  const bytes = graph.model.graph.initializers.reduce((sum, one) => sum + sizeOfTensorBytes(one), 0);
  if (bytes > MOST_WEIGHT_BYTES) return new Set();
  const exponents = new Map<string, number>(
    graph.inputs.filter(name => measured.has(name)).map(name => [name, SAFE_EXPONENT]),
  );
  const finite = new Set<string>();
  for (const layer of graph.layers) {
    const exponent = exponentOfResult(layer);
    const isFinite = exponent !== null && exponent <= LARGEST_EXPONENT;
    for (const name of layer.outputs) {
      if (isFinite && measured.has(name)) finite.add(name);
      if (measured.has(name)) exponents.set(name, SAFE_EXPONENT);
      else if (isFinite) exponents.set(name, exponent);
    }
  }
  return finite;

  /** `null` where nothing is known. */
  function exponentOfResult({operator, domain, node, outerInputs}: Layer): number | null {
    if (domain !== '' || outerInputs.length > 0) return null;
    const known = node.inputs.filter(name => name !== '').map(exponentOf);
    const [first = null, second = null] = known;
    if (NEVER_LARGER.has(operator)) return operator === 'Concat' ? largest(known) : first;
    if (first === null) return null;
    if (WITHIN_ONE.has(operator)) return 0;
    if (SUMS.has(operator)) return second === null ? null : Math.max(first, second) + 1;
    if (!PRODUCT_SUMS.has(operator) || second === null) return null;
    const factors = [floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1)];
    if (factors.some(factor => Math.abs(factor) > 1)) return null;
    const sum = largest([first + second + TERMS_EXPONENT, ...known.slice(2)]);
    return sum === null ? null : sum + 1;
  }

  function exponentOf(name: string): number | null {
    const constant = constants.get(name);
    if (constant !== undefined && !exponents.has(name)) {
      const own = exponentOfConstant(constant);
      if (own === null) return null;
      exponents.set(name, own);
    }
    return exponents.get(name) ?? null;
  }
}

function exponentOfConstant(constant: OnnxTensor): number | null {
  if (elementTypeOfTensor(constant) !== 'float32') return null;
  const most = largestMagnitude(floatsOfTensor(constant));
  return Number.isFinite(most) ? Math.max(0, Math.ceil(Math.log10(most))) : null;
}

const WITHOUT_SIGN = 0x7fff_ffff;

/** NaN where there is one. Without their sign, floats are in the order of their bits; reading those is several times faster. */
function largestMagnitude(floats: Float32Array): number {
  const bits = new Int32Array(floats.buffer, floats.byteOffset, floats.length);
  let most = 0;
  for (let at = 0; at < bits.length; at += 1) {
    const magnitude = (bits[at] as number) & WITHOUT_SIGN;
    if (magnitude > most) most = magnitude;
  }
  return new Float32Array(Int32Array.of(most).buffer)[0] as number;
}

function largest(exponents: readonly (number | null)[]): number | null {
  return exponents.reduce<number | null>(
    (most, one) => (most === null || one === null ? null : Math.max(most, one)),
    -Infinity,
  );
}

function operators(names: string): ReadonlySet<string> {
  return new Set(names.split(' '));
}
