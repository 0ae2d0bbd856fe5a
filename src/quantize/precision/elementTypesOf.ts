import {elementTypeFromOnnxCode, type ElementType} from '../../documents/elementTypes.ts';
import {typeOfValueInfo} from '../../model/graphFromModel.ts';
import type {OnnxAttribute, OnnxGraph, OnnxNode} from '../../model/onnx/messages.ts';
import {elementTypeOfTensor} from '../../model/onnx/tensorData.ts';

/** The element type of a tensor by name, or of a sequence's tensors; `undefined` when it is not known. */
export type TypeOf = (name: string) => ElementType | undefined;

const BOOLEAN = new Set(
  'And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not OptionalHasElement Or Xor'.split(' '),
);
const INTEGER64 = new Set('ArgMax ArgMin NonMaxSuppression NonZero SequenceLength Shape Size'.split(' '));
const INTEGER32 = new Set(['ConvInteger', 'MatMulInteger']);

/** Outputs after the first that are not of the first one's type. */
const LATER_OUTPUTS: Readonly<Record<string, readonly (ElementType | undefined)[]>> = {
  Dropout: [undefined, 'bool'],
  DynamicQuantizeLinear: ['uint8', 'float32', 'uint8'],
  MaxPool: [undefined, 'int64'],
  TopK: [undefined, 'int64'],
  Unique: [undefined, 'int64', 'int64', 'int64'],
};

/** The input whose type the outputs have, where it is not the first. */
const TYPE_GIVER: Readonly<Record<string, number>> = {
  CastLike: 1,
  DequantizeLinear: 1,
  GatherBlockQuantized: 2,
  MatMulIntegerToFloat: 2,
  OneHot: 2,
  Where: 1,
};

/** Operators whose attribute says what they make, and what they make without it. */
const TYPE_ATTRIBUTES: Readonly<Record<string, {attribute: string; otherwise: ElementType | 'first-input'}>> =
  {
    Bernoulli: {attribute: 'dtype', otherwise: 'first-input'},
    BlackmanWindow: {attribute: 'output_datatype', otherwise: 'float32'},
    Cast: {attribute: 'to', otherwise: 'float32'},
    EyeLike: {attribute: 'dtype', otherwise: 'first-input'},
    HammingWindow: {attribute: 'output_datatype', otherwise: 'float32'},
    HannWindow: {attribute: 'output_datatype', otherwise: 'float32'},
    MelWeightMatrix: {attribute: 'output_datatype', otherwise: 'float32'},
    Multinomial: {attribute: 'dtype', otherwise: 'int32'},
    RandomNormal: {attribute: 'dtype', otherwise: 'float32'},
    RandomNormalLike: {attribute: 'dtype', otherwise: 'first-input'},
    RandomUniform: {attribute: 'dtype', otherwise: 'float32'},
    RandomUniformLike: {attribute: 'dtype', otherwise: 'first-input'},
  };

/**
 * Element types of a graph's tensors: as known already, as declared, else as the operators make them of their inputs.
 * @param nodes of the graph, in topological order
 * @param known types of tensors of this graph from elsewhere: measured ones, or those of a body's inputs
 * @param outer types of the tensors around a body
 */
export function elementTypesOf(
  graph: OnnxGraph,
  nodes: readonly OnnxNode[],
  known: ReadonlyMap<string, ElementType>,
  outer: TypeOf = () => undefined,
): TypeOf {
  const types = new Map<string, ElementType>();
  for (const info of [...graph.valueInfos, ...graph.outputs, ...graph.inputs]) {
    const sequenceCode = info.type?.sequence?.elementType?.tensor?.elementTypeCode;
    const elementType =
      sequenceCode === undefined ? typeOfValueInfo(info).elementType : elementTypeFromOnnxCode(sequenceCode);
    if (elementType !== undefined) types.set(info.name, elementType);
  }
  for (const [name, elementType] of known) types.set(name, elementType);
  for (const tensor of graph.initializers) types.set(tensor.name, elementTypeOfTensor(tensor));
  const typeOf: TypeOf = name => types.get(name) ?? outer(name);
  for (const node of nodes) {
    node.outputs.forEach((name, place) => {
      if (name === '' || types.has(name)) return;
      const elementType = typeOfOutput(node, place, typeOf);
      if (elementType !== undefined) types.set(name, elementType);
    });
  }
  return typeOf;
}

function typeOfOutput(node: OnnxNode, place: number, typeOf: TypeOf): ElementType | undefined {
  const {operator, inputs} = node;
  const later = LATER_OUTPUTS[operator]?.[place];
  if (later !== undefined) return later;
  if (BOOLEAN.has(operator)) return 'bool';
  if (INTEGER64.has(operator)) return 'int64';
  if (INTEGER32.has(operator)) return 'int32';
  if (operator === 'Constant' || operator === 'ConstantOfShape') return typeOfConstant(node);
  if (operator === 'If' || operator === 'Loop' || operator === 'Scan') return typeOfBody(node, place, typeOf);
  if (operator === 'QuantizeLinear') {
    return typeOf(inputs[2] ?? '') ?? typeInAttribute(node, 'output_dtype') ?? 'uint8';
  }
  const byAttribute = TYPE_ATTRIBUTES[operator];
  if (byAttribute !== undefined) {
    const made = typeInAttribute(node, byAttribute.attribute);
    if (made !== undefined) return made;
    if (byAttribute.otherwise !== 'first-input') return byAttribute.otherwise;
  }
  // QLinearConv and its like name the zero point of the result last; it has the type of the first input otherwise.
  return typeOf(inputs[TYPE_GIVER[operator] ?? 0] ?? '');
}

function typeInAttribute({attributes}: OnnxNode, name: string): ElementType | undefined {
  const code = attributes.find(attribute => attribute.name === name)?.int;
  return code === undefined || code === 0n ? undefined : elementTypeFromOnnxCode(Number(code));
}

/** ConstantOfShape without a value makes float32. */
function typeOfConstant({attributes}: OnnxNode): ElementType | undefined {
  const [value] = attributes as readonly (OnnxAttribute | undefined)[];
  if (value?.tensor !== undefined) return elementTypeOfTensor(value.tensor);
  if (value === undefined || value.name === 'value_float' || value.name === 'value_floats') return 'float32';
  return value.name === 'value_int' || value.name === 'value_ints' ? 'int64' : undefined;
}

/** As the body declares its results; the branches of an If agree with each other. */
function typeOfBody(node: OnnxNode, place: number, typeOf: TypeOf): ElementType | undefined {
  const body = node.attributes.find(({graph}) => graph !== undefined)?.graph;
  if (body === undefined) return undefined;
  // The first result of a Loop's body says whether to go on.
  const result = body.outputs[node.operator === 'Loop' ? place + 1 : place];
  if (result === undefined) return undefined;
  return elementTypesOf(body, body.nodes, typesOfBodyInputs(node, body, typeOf), typeOf)(result.name);
}

/** What a body is given; declared types are often left out there. */
export function typesOfBodyInputs(node: OnnxNode, body: OnnxGraph, typeOf: TypeOf): Map<string, ElementType> {
  const types = new Map<string, ElementType>();
  body.inputs.forEach(({name}, place) => {
    const isCounter = node.operator === 'Loop' && place < 2;
    const given = isCounter ? (place === 0 ? 'int64' : 'bool') : typeOf(node.inputs[place] ?? '');
    if (given !== undefined) types.set(name, given);
  });
  return types;
}
