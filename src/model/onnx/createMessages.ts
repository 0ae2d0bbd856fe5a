import {onnxCodeFromElementType, type ElementType} from '../../documents/elementTypes.ts';
import {
  ATTRIBUTE_TYPE,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from './messages.ts';

type Parts<T> = Partial<Omit<T, 'unknown'>>;

/** A model of the newest format that old runtimes still read; `parts` override. */
export function createModel(graph: OnnxGraph, parts: Parts<OnnxModel> = {}): OnnxModel {
  return {
    irVersion: 8,
    producerName: 'edgewise',
    producerVersion: '',
    domain: '',
    docString: '',
    opsetImports: [{domain: '', version: 17, unknown: []}],
    metadata: [],
    functions: [],
    unknown: [],
    ...parts,
    graph,
  };
}

export function createGraph(parts: Parts<OnnxGraph>): OnnxGraph {
  return {
    name: 'graph',
    nodes: [],
    initializers: [],
    sparseInitializers: [],
    inputs: [],
    outputs: [],
    valueInfos: [],
    docString: '',
    metadata: [],
    unknown: [],
    ...parts,
  };
}

export function createNode(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  parts: Parts<OnnxNode> = {},
): OnnxNode {
  return {
    name: '',
    operator,
    domain: '',
    overload: '',
    inputs,
    outputs,
    attributes: [],
    docString: '',
    metadata: [],
    unknown: [],
    ...parts,
  };
}

export type AttributeValue =
  | {readonly int: bigint}
  | {readonly float: number}
  | {readonly string: Uint8Array}
  | {readonly ints: readonly bigint[]}
  | {readonly floats: readonly number[]}
  | {readonly tensor: OnnxTensor}
  | {readonly graph: OnnxGraph};

export function createAttribute(name: string, value: AttributeValue): OnnxAttribute {
  const [kind] = Object.keys(value) as [keyof typeof ATTRIBUTE_TYPE];
  return {
    name,
    typeCode: ATTRIBUTE_TYPE[kind],
    floats: [],
    ints: [],
    strings: [],
    tensors: [],
    graphs: [],
    sparseTensors: [],
    typeProtos: [],
    docString: '',
    refAttributeName: '',
    unknown: [],
    ...value,
  };
}

/** A named tensor; a string is a symbolic size, `null` an unknown one. Without `dims` even the rank is unknown. */
export function createValueInfo(
  name: string,
  elementType: ElementType,
  dims?: readonly (number | string | null)[],
): OnnxValueInfo {
  const shape = dims && {
    unknown: [],
    dims: dims.map(dim => ({
      denotation: '',
      unknown: [],
      ...(typeof dim === 'number' ? {size: dim} : dim === null ? {} : {symbol: dim}),
    })),
  };
  return {
    name,
    docString: '',
    metadata: [],
    unknown: [],
    type: {
      denotation: '',
      unknown: [],
      tensor: {elementTypeCode: onnxCodeFromElementType(elementType), unknown: [], ...(shape && {shape})},
    },
  };
}

/** A tensor by name only; the runtime finds its type. */
export function createUntypedValueInfo(name: string): OnnxValueInfo {
  return {name, docString: '', metadata: [], unknown: []};
}
