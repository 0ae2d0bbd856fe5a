import {describe, expect, it} from 'vitest';
import {graphFromModel} from '../../../src/model/graphFromModel.ts';
import {
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../../../src/model/onnx/tensorData.ts';
import {planQuantization} from '../../../src/quantize/planQuantization.ts';
import {OPENVINO} from '../../../src/targets/openvino.ts';
import {floats} from '../../integration/operatorCases.ts';

/** x -> MatMul -> MatMul -> y. */
function products(shape: readonly number[]) {
  const weight = floats([2, 2], [1, 2, 3, 4]);
  return graphFromModel(
    createModel(
      createGraph({
        nodes: [
          createNode('MatMul', ['x', 'w'], ['h'], {name: 'first'}),
          createNode('MatMul', ['h', 'w'], ['y'], {name: 'second'}),
        ],
        initializers: [tensorFromValue('w', weight)],
        inputs: [createValueInfo('x', 'float32', shape)],
        outputs: [createValueInfo('y', 'float32', shape)],
        valueInfos: [createValueInfo('h', 'float32', shape)],
      }),
    ),
  );
}

describe('products of matrices for OpenVINO', () => {
  const scheme = OPENVINO.recipe.candidates[0]!.scheme!;

  it.each([[[1, 2]], [[5, 2]], [[16, 2]], [[1, 4, 2]], [[4, 1, 2]]])('%j compute on integers', shape => {
    expect(planQuantization(products(shape), scheme).quantizedLayers).toEqual(['first', 'second']);
  });

  it.each([4, 6, 8])('of %i rows stay in float, since OpenVINO gets them wrong', rows => {
    const plan = planQuantization(products([rows, 2]), scheme);
    expect(plan.quantizedLayers).toEqual([]);
    expect(plan.floatLayers.map(({reason}) => reason)).toEqual(['no-kernel', 'no-kernel']);
  });
});
