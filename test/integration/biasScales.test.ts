import {describe, expect, it} from 'vitest';
import {runOnce} from '../../src/engine/session.ts';
import type {OnnxModel, OnnxTensor} from '../../src/model/onnx/messages.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {computeBiasScales} from '../../src/quantize/computeBiasScales.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {Network} from '../unit/quantize/networks.ts';
import {fusedOperators} from './fusedOperators.ts';
import {floats} from './operatorCases.ts';

const FLOAT_CODE = 1;
const SCHEME = targetByName('x86-vnni').recipe.candidates[0]!.scheme!;
const STORED = stored();
const COMPUTED = computeBiasScales(STORED);

describe('scales of biases that are computed from those of inputs and weights', () => {
  it('take a product each instead of a number per channel, where there are more than a few', () => {
    expect(operatorsOf(COMPUTED).filter(operator => operator === 'Mul')).toHaveLength(2);
    const saved = bytesFromModel(STORED).byteLength - bytesFromModel(COMPUTED).byteLength;
    // 64 and 32 channels of 4 bytes, less the two nodes with their long names.
    expect(saved).toBeGreaterThan(96 * 4 - 2 * 80);
  });

  it.each(['disabled', 'all'] as const)('give the same bytes: %s', async optimization => {
    const x = floats(
      [1, 4, 8, 8],
      Array.from({length: 256}, (_, at) => Math.sin(at * at)),
    );
    const answers = await Promise.all(
      [STORED, COMPUTED].map(async model => {
        const {outputs} = await runOnce({bytes: bytesFromModel(model)}, {x}, {optimization, threads: 1});
        return Object.values(outputs)[0]!.bytes;
      }),
    );
    expect(Buffer.compare(answers[0]!, answers[1]!)).toBe(0);
  });

  it('are folded before the runtime fuses: the same kernels, and no product is left', async () => {
    expect(await operatorsOfFused(COMPUTED)).toEqual(await operatorsOfFused(STORED));
  });

  it('stay stored where they are anything else', () => {
    const isVector = ({dims, elementTypeCode}: OnnxTensor): boolean =>
      dims.length === 1 && elementTypeCode === FLOAT_CODE;
    const initializers = STORED.graph.initializers.map(tensor =>
      isVector(tensor)
        ? tensorFromValue(tensor.name, floats(tensor.dims, new Array<number>(tensor.dims[0]!).fill(0.5)))
        : tensor,
    );
    const other = {...STORED, graph: {...STORED.graph, initializers}};
    expect(operatorsOf(computeBiasScales(other))).not.toContain('Mul');
  });

  async function operatorsOfFused(model: OnnxModel): Promise<string[]> {
    const operators = await fusedOperators(model);
    expect(operators.filter(operator => operator === 'QLinearConv').length).toBe(3);
    expect(operators).toContain('QGemm');
    return operators;
  }
});

/** Three convolutions, of which one has too few channels, and a fully connected layer without a bias. */
function stored(): OnnxModel {
  const net = new Network(5);
  const first = net.layer('first', 'Relu', [net.conv('a', net.input('x', [1, 4, 8, 8]), 4, 64)]);
  const second = net.layer('second', 'Relu', [net.conv('b', first, 64, 32)]);
  const third = net.conv('c', second, 32, 4);
  const flat = net.layer('flat', 'Flatten', [third]);
  const graph = net.graph([net.layer('y', 'Gemm', [flat, net.weights('w', [256, 8])])]);
  const plan = planQuantization(graph, SCHEME);
  const ranges = new Map(tensorsToMeasure(plan).map(tensor => [tensor, {min: -3, max: 3}]));
  return quantizeGraph(graph, plan, SCHEME, ranges);
}

function operatorsOf({graph}: OnnxModel): string[] {
  return graph.nodes.map(({operator}) => operator);
}
