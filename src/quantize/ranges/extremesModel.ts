import {freshTensorNames} from '../../model/freshNames.ts';
import type {Graph} from '../../model/graph.ts';
import {createAttribute, createNode, createUntypedValueInfo} from '../../model/onnx/createMessages.ts';
import type {OnnxModel, OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {tensorFromValue} from '../../model/onnx/tensorData.ts';
import {standardOpset} from '../../model/opset/raiseOpset.ts';
import {staticSizes} from './staticSizes.ts';

export interface ExtremesModel {
  readonly model: OnnxModel;
  /** A vector. */
  readonly output: string;
  /** Of each tensor one or more parts, which together are all of it. */
  readonly parts: readonly ReducedPart[];
}

/** Where in the output the smallest and the largest value of a part of a tensor are, and the sum. */
export interface ReducedPart {
  readonly tensor: string;
  /** `null`: 0 or more, behind a Relu. */
  readonly min: number | null;
  readonly max: number;
  /** `null` where it is not needed. */
  readonly sum: number | null;
}

/** A matrix in which each row belongs to one tensor. */
interface Rows {
  readonly matrix: string;
  /** The tensor of each row. */
  readonly tensors: readonly string[];
  readonly nodes: readonly OnnxNode[];
  /** The same for all of them. */
  readonly reductions: readonly Reduction[];
}

type Reduction = 'ReduceMin' | 'ReduceMax' | 'ReduceSum';

/** From this opset on the axes of all reductions are an input; before it those of ReduceSum only. */
const AXES_AS_INPUT = 18;

/**
 * Tensors of one size with up to this many values are reduced together: for those copying costs less than the nodes that
 * it saves. Found on resnet20 and squeezenet, AMD EPYC with 2 processors, November 2026.
 */
const GROUPED_VALUES = 1 << 15;

/** Larger tensors are reduced in so many parts where their size can be divided: the runtime spreads rows over its threads. */
const PARTS = 8;

/**
 * The model with smallest value, largest value and sum of each float32 tensor in one further output: the runtime reduces a
 * tensor faster than it hands it out. Of a tensor without values these are Infinity, -Infinity and 0. NaN shows in the sum
 * only, since ONNX leaves open what is smaller or larger than NaN.
 * @param finite those of the tensors that need no sum
 */
export function extremesModel(
  graph: Graph,
  tensorNames: readonly string[],
  finite: ReadonlySet<string> = new Set(),
): ExtremesModel {
  const {model} = graph;
  const takeName = freshTensorNames(model);
  const output = takeName('extremes');
  const lastAxis = int64s(takeName('extremes/axis'), [1]);
  const shapes = new Map<number, OnnxTensor>();
  const matrixOf = (tensor: string, rowCount: number): {matrix: string; node: OnnxNode} => {
    const shape = shapes.get(rowCount) ?? int64s(takeName('extremes/shape'), [rowCount, -1]);
    shapes.set(rowCount, shape);
    const matrix = takeName(`${tensor}/rows`);
    return {matrix, node: createNode('Reshape', [tensor, shape.name], [matrix])};
  };

  const sizes = staticSizes(graph);
  const reductionsOf = (name: string): readonly Reduction[] => [
    ...(isBehindRelu(graph, name) ? [] : ['ReduceMin' as const]),
    'ReduceMax',
    ...(finite.has(name) ? [] : ['ReduceSum' as const]),
  ];
  const rows = groupsOf(tensorNames, sizes, reductionsOf).map((tensors): Rows => {
    const [only = ''] = tensors;
    const reductions = reductionsOf(only);
    if (tensors.length === 1) {
      const partCount = partCountOf(sizes.get(only));
      const {matrix, node} = matrixOf(only, partCount);
      return {matrix, tensors: Array.from({length: partCount}, () => only), nodes: [node], reductions};
    }
    const parts = tensors.map(tensor => matrixOf(tensor, 1));
    const matrix = takeName('extremes/group');
    const joined = concat(
      parts.map(part => part.matrix),
      matrix,
    );
    return {matrix, tensors, nodes: [...parts.map(({node}) => node), joined], reductions};
  });

  const reduced = rows.flatMap(({matrix, reductions}) =>
    reductions.map(operator => reduce(operator, matrix)),
  );
  const all = concat(
    reduced.flatMap(node => node.outputs),
    output,
  );
  const inner = model.graph;
  return {
    output,
    parts: partsOf(rows),
    model: {
      ...model,
      graph: {
        ...inner,
        nodes: [...inner.nodes, ...rows.flatMap(({nodes}) => nodes), ...reduced.toReversed(), all],
        initializers: [...inner.initializers, ...shapes.values(), lastAxis],
        outputs: [...inner.outputs, createUntypedValueInfo(output)],
      },
    },
  };

  /** Each row to one value; no axis of size 1 is left, because Concat wants vectors. */
  function reduce(operator: Reduction, matrix: string): OnnxNode {
    const result = takeName(`${matrix}/${operator}`);
    const keepdims = createAttribute('keepdims', {int: 0n});
    return operator === 'ReduceSum' || (standardOpset(model) ?? AXES_AS_INPUT) >= AXES_AS_INPUT
      ? createNode(operator, [matrix, lastAxis.name], [result], {attributes: [keepdims]})
      : createNode(operator, [matrix], [result], {
          attributes: [createAttribute('axes', {ints: [1n]}), keepdims],
        });
  }
}

function isBehindRelu({tensors, layers}: Graph, name: string): boolean {
  const maker = layers[tensors.get(name)?.producer ?? -1];
  return maker?.operator === 'Relu' && maker.domain === '';
}

/** Small tensors of equal size and with the same reductions together, every other one by itself. */
function groupsOf(
  names: readonly string[],
  sizes: ReadonlyMap<string, number>,
  reductionsOf: (name: string) => readonly Reduction[],
): string[][] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const size = sizes.get(name);
    const isGrouped = size !== undefined && size > 0 && size <= GROUPED_VALUES;
    const key = isGrouped ? `${size} ${reductionsOf(name).join(' ')}` : `of ${name}`;
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups.values()];
}

/** The reductions of one matrix follow each other, each with a value for every row. */
function partsOf(rows: readonly Rows[]): ReducedPart[] {
  let at = 0;
  return rows.flatMap(({tensors, reductions}) => {
    const start = at;
    at += reductions.length * tensors.length;
    const placeOf = (operator: Reduction, row: number): number | null => {
      const index = reductions.indexOf(operator);
      return index < 0 ? null : start + index * tensors.length + row;
    };
    return tensors.map((tensor, row) => ({
      tensor,
      min: placeOf('ReduceMin', row),
      max: placeOf('ReduceMax', row) ?? NaN,
      sum: placeOf('ReduceSum', row),
    }));
  });
}

/** The largest power of two up to PARTS that divides the size; 1 where that may change or nothing is gained. */
function partCountOf(size: number | undefined): number {
  let parts = size === undefined || size <= GROUPED_VALUES ? 1 : PARTS;
  while ((size ?? 0) % parts !== 0) parts /= 2;
  return parts;
}

function concat(inputs: readonly string[], output: string): OnnxNode {
  return createNode('Concat', inputs, [output], {attributes: [createAttribute('axis', {int: 0n})]});
}

function int64s(name: string, values: readonly number[]): OnnxTensor {
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return tensorFromValue(name, {elementType: 'int64', shape: [values.length], bytes});
}
