import type {ElementType} from '../../src/documents/elementTypes.ts';
import type {Tensor} from '../../src/documents/tensor.ts';
import {
  createAttribute,
  createGraph,
  createModel,
  createNode,
  createValueInfo,
} from '../../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';

type Dims = readonly (number | string | null)[];

/** Gives each input back unchanged, as `<name>_out`. */
export function identityModel(
  inputs: readonly {name: string; elementType: ElementType; dims: Dims}[],
): Uint8Array {
  const outputs = inputs.map(input => ({...input, name: `${input.name}_out`}));
  return bytesFromModel(
    createModel(
      createGraph({
        nodes: inputs.map(({name}) =>
          createNode('Identity', [name], [`${name}_out`], {name: `copy_${name}`}),
        ),
        inputs: inputs.map(({name, elementType, dims}) => createValueInfo(name, elementType, dims)),
        outputs: outputs.map(({name, elementType, dims}) => createValueInfo(name, elementType, dims)),
      }),
      {irVersion: 10, opsetImports: [{domain: '', version: 21, unknown: []}]},
    ),
  );
}

/** Turns one input `x` of any type into float32 [2], `y`. */
export function castModel(elementType: ElementType): Uint8Array {
  return bytesFromModel(
    createModel(
      createGraph({
        nodes: [
          createNode('Cast', ['x'], ['y'], {name: 'cast', attributes: [createAttribute('to', {int: 1n})]}),
        ],
        inputs: [createValueInfo('x', elementType, [2])],
        outputs: [createValueInfo('y', 'float32', [2])],
      }),
      {irVersion: 10, opsetImports: [{domain: '', version: 21, unknown: []}]},
    ),
  );
}

/** output = (input `operator` constant), of float32 [1,4] unless said otherwise. */
export function arithmeticModel(
  operator: 'Add' | 'Mul' | 'Sub',
  constant: number,
  {input = 'x', output = 'y', dims = [1, 4] as Dims} = {},
): Uint8Array {
  return bytesFromModel(
    createModel(
      createGraph({
        nodes: [createNode(operator, [input, 'constant'], [output], {name: `${operator}_0`})],
        initializers: [tensorFromValue('constant', floats([1], [constant]))],
        inputs: [createValueInfo(input, 'float32', dims)],
        outputs: [createValueInfo(output, 'float32', dims)],
      }),
    ),
  );
}

/** sum = a + b, both float32 [1,4]. */
export function sumModel(a: string, b: string, sum: string): Uint8Array {
  return bytesFromModel(
    createModel(
      createGraph({
        nodes: [createNode('Add', [a, b], [sum], {name: 'sum'})],
        inputs: [a, b].map(name => createValueInfo(name, 'float32', [1, 4])),
        outputs: [createValueInfo(sum, 'float32', [1, 4])],
      }),
    ),
  );
}

export function floats(shape: readonly number[], values: readonly number[]): Tensor {
  return {elementType: 'float32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer)};
}

export function numbersOf(tensor: Tensor | undefined): number[] {
  if (tensor === undefined) throw new Error('there is no such tensor');
  return [...new Float32Array(tensor.bytes.slice().buffer)];
}
