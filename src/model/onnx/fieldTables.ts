/**
 * How a field lies on the wire. `integer` is a 64-bit varint that must be a safe integer, `bigint` one that need not be;
 * `range` is bytes left where they lie, `list` a numeric record left undecoded.
 */
export type FieldKind =
  'integer' | 'bigint' | 'float' | 'string' | 'bytes' | 'range' | 'list' | (() => MessageTable);

export interface FieldSpec {
  readonly number: number;
  readonly key: string;
  readonly kind: FieldKind;
  readonly isRepeated: boolean;
  /** The value of an absent field, and the value that is not written; without it the field is optional. */
  readonly initial?: number | string;
}

export interface MessageTable {
  readonly name: string;
  readonly fields: readonly FieldSpec[];
  readonly byNumber: ReadonlyMap<number, FieldSpec>;
}

function table(name: string, fields: readonly FieldSpec[]): MessageTable {
  const sorted = fields.toSorted((a, b) => a.number - b.number);
  return {name, fields: sorted, byNumber: new Map(sorted.map(field => [field.number, field]))};
}

const one = (number: number, key: string, kind: FieldKind): FieldSpec => ({
  number,
  key,
  kind,
  isRepeated: false,
});
const many = (number: number, key: string, kind: FieldKind): FieldSpec => ({
  number,
  key,
  kind,
  isRepeated: true,
});
const text = (number: number, key: string): FieldSpec => ({...one(number, key, 'string'), initial: ''});
const integer = (number: number, key: string): FieldSpec => ({...one(number, key, 'integer'), initial: 0});

const entry = table('StringStringEntryProto', [text(1, 'key'), text(2, 'value')]);

const tensor = table('TensorProto', [
  many(1, 'dims', 'integer'),
  integer(2, 'elementTypeCode'),
  many(4, 'lists', 'list'),
  many(5, 'lists', 'list'),
  many(6, 'strings', 'bytes'),
  many(7, 'lists', 'list'),
  text(8, 'name'),
  one(9, 'raw', 'range'),
  many(10, 'lists', 'list'),
  many(11, 'lists', 'list'),
  text(12, 'docString'),
  many(13, 'externalEntries', () => entry),
  integer(14, 'dataLocation'),
  many(16, 'metadata', () => entry),
]);

const sparseTensor = table('SparseTensorProto', [
  one(1, 'values', () => tensor),
  one(2, 'indices', () => tensor),
  many(3, 'dims', 'integer'),
]);

const dim = table('TensorShapeProto.Dimension', [
  one(1, 'size', 'integer'),
  one(2, 'symbol', 'string'),
  text(3, 'denotation'),
]);
const shape = table('TensorShapeProto', [many(1, 'dims', () => dim)]);
const tensorType = table('TypeProto.Tensor', [integer(1, 'elementTypeCode'), one(2, 'shape', () => shape)]);
const wrappedType = table('TypeProto.Sequence', [one(1, 'elementType', () => type)]);
const mapType = table('TypeProto.Map', [integer(1, 'keyTypeCode'), one(2, 'valueType', () => type)]);
const type: MessageTable = table('TypeProto', [
  one(1, 'tensor', () => tensorType),
  one(4, 'sequence', () => wrappedType),
  one(5, 'map', () => mapType),
  text(6, 'denotation'),
  one(8, 'sparseTensor', () => tensorType),
  one(9, 'optional', () => wrappedType),
]);

const valueInfo = table('ValueInfoProto', [
  text(1, 'name'),
  one(2, 'type', () => type),
  text(3, 'docString'),
  many(4, 'metadata', () => entry),
]);

const attribute: MessageTable = table('AttributeProto', [
  text(1, 'name'),
  one(2, 'float', 'float'),
  one(3, 'int', 'bigint'),
  one(4, 'string', 'bytes'),
  one(5, 'tensor', () => tensor),
  one(6, 'graph', () => graph),
  many(7, 'floats', 'float'),
  many(8, 'ints', 'bigint'),
  many(9, 'strings', 'bytes'),
  many(10, 'tensors', () => tensor),
  many(11, 'graphs', () => graph),
  text(13, 'docString'),
  one(14, 'typeProto', () => type),
  many(15, 'typeProtos', () => type),
  integer(20, 'typeCode'),
  text(21, 'refAttributeName'),
  one(22, 'sparseTensor', () => sparseTensor),
  many(23, 'sparseTensors', () => sparseTensor),
]);

const node = table('NodeProto', [
  many(1, 'inputs', 'string'),
  many(2, 'outputs', 'string'),
  text(3, 'name'),
  text(4, 'operator'),
  many(5, 'attributes', () => attribute),
  text(6, 'docString'),
  text(7, 'domain'),
  text(8, 'overload'),
  many(9, 'metadata', () => entry),
]);

const graph: MessageTable = table('GraphProto', [
  many(1, 'nodes', () => node),
  text(2, 'name'),
  many(5, 'initializers', () => tensor),
  text(10, 'docString'),
  many(11, 'inputs', () => valueInfo),
  many(12, 'outputs', () => valueInfo),
  many(13, 'valueInfos', () => valueInfo),
  many(15, 'sparseInitializers', () => sparseTensor),
  many(16, 'metadata', () => entry),
]);

const opsetImport = table('OperatorSetIdProto', [text(1, 'domain'), integer(2, 'version')]);

const localFunction = table('FunctionProto', [
  text(1, 'name'),
  many(4, 'inputs', 'string'),
  many(5, 'outputs', 'string'),
  many(6, 'attributeNames', 'string'),
  many(7, 'nodes', () => node),
  text(8, 'docString'),
  many(9, 'opsetImports', () => opsetImport),
  text(10, 'domain'),
  many(11, 'attributes', () => attribute),
  many(12, 'valueInfos', () => valueInfo),
  text(13, 'overload'),
  many(14, 'metadata', () => entry),
]);

/**
 * The fields of an ONNX file by number. Fields not listed (training_info, quantization_annotation, device
 * configurations, tensor segments …) are kept as unknown ones.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export const MODEL_TABLE = table('ModelProto', [
  integer(1, 'irVersion'),
  text(2, 'producerName'),
  text(3, 'producerVersion'),
  text(4, 'domain'),
  one(5, 'modelVersion', 'bigint'),
  text(6, 'docString'),
  one(7, 'graph', () => graph),
  many(8, 'opsetImports', () => opsetImport),
  many(14, 'metadata', () => entry),
  many(25, 'functions', () => localFunction),
]);

export const TENSOR_TABLE = tensor;
