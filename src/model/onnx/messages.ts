import type {SourceRange} from './byteSource.ts';

/*
 * The messages of an ONNX file as immutable values. Field numbers are in fieldTables.ts. Change a message by spreading it
 * into a new one: whatever is still the object that was read is written back byte for byte.
 * `unknown` holds the records (tag included) of fields this program does not know; they are always written back.
 * @see https://onnx.ai/onnx/repo-docs/IR.html
 */

interface Message {
  readonly unknown: readonly SourceRange[];
}

export interface OnnxModel extends Message {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion?: bigint;
  readonly docString: string;
  readonly graph: OnnxGraph;
  readonly opsetImports: readonly OnnxOpsetImport[];
  readonly metadata: readonly OnnxEntry[];
  readonly functions: readonly OnnxFunction[];
}

export interface OnnxGraph extends Message {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparseInitializers: readonly OnnxSparseTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly valueInfos: readonly OnnxValueInfo[];
  readonly docString: string;
  readonly metadata: readonly OnnxEntry[];
}

export interface OnnxNode extends Message {
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  readonly overload: string;
  /** '' where an optional input is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
  readonly docString: string;
  readonly metadata: readonly OnnxEntry[];
}

/** AttributeProto.AttributeType */
export const ATTRIBUTE_TYPE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparseTensor: 11,
  sparseTensors: 12,
  typeProto: 13,
  typeProtos: 14,
} as const;

export interface OnnxAttribute extends Message {
  readonly name: string;
  /** One of ATTRIBUTE_TYPE; 0 in files older than the field. */
  readonly typeCode: number;
  readonly float?: number;
  readonly int?: bigint;
  readonly string?: Uint8Array;
  readonly tensor?: OnnxTensor;
  readonly graph?: OnnxGraph;
  readonly sparseTensor?: OnnxSparseTensor;
  readonly typeProto?: OnnxType;
  readonly floats: readonly number[];
  readonly ints: readonly bigint[];
  readonly strings: readonly Uint8Array[];
  readonly tensors: readonly OnnxTensor[];
  readonly graphs: readonly OnnxGraph[];
  readonly sparseTensors: readonly OnnxSparseTensor[];
  readonly typeProtos: readonly OnnxType[];
  readonly docString: string;
  /** Inside a function: the function's attribute whose value this one takes. */
  readonly refAttributeName: string;
}

export interface OnnxTensor extends Message {
  readonly name: string;
  readonly dims: readonly number[];
  /** TensorProto.DataType; see documents/elementTypes.ts. */
  readonly elementTypeCode: number;
  /** raw_data, left where it lies. */
  readonly raw?: SourceRange;
  /** float_data, int32_data, int64_data, double_data, uint64_data: undecoded, in the order of the file. */
  readonly lists: readonly ListRecord[];
  readonly strings: readonly Uint8Array[];
  readonly externalEntries: readonly OnnxEntry[];
  /** 1: the values are in an external file. */
  readonly dataLocation: number;
  /** Where the values of an external tensor were found; not a field of the format. */
  readonly external?: ExternalData;
  readonly docString: string;
  readonly metadata: readonly OnnxEntry[];
}

export interface ExternalData {
  /** Relative to the model's folder. */
  readonly location: string;
  readonly range: SourceRange;
  /** The file at `location` holds nothing but `range`, which may itself lie in another file until it is written. */
  readonly isWholeFile: boolean;
}

/** One record of a repeated numeric field: packed values, or a single one. */
export interface ListRecord {
  readonly fieldNumber: number;
  readonly isPacked: boolean;
  readonly values: SourceRange;
  /** Tag, length and values. */
  readonly record: SourceRange;
}

export interface OnnxSparseTensor extends Message {
  readonly values: OnnxTensor;
  readonly indices?: OnnxTensor;
  readonly dims: readonly number[];
}

export interface OnnxValueInfo extends Message {
  readonly name: string;
  readonly type?: OnnxType;
  readonly docString: string;
  readonly metadata: readonly OnnxEntry[];
}

/** At most one of the kinds is set. */
export interface OnnxType extends Message {
  readonly tensor?: OnnxTensorType;
  readonly sequence?: OnnxWrappedType;
  readonly map?: OnnxMapType;
  readonly optional?: OnnxWrappedType;
  readonly sparseTensor?: OnnxTensorType;
  readonly denotation: string;
}

export interface OnnxTensorType extends Message {
  readonly elementTypeCode: number;
  /** Absent when even the rank is unknown. */
  readonly shape?: OnnxShape;
}

export interface OnnxWrappedType extends Message {
  readonly elementType?: OnnxType;
}

export interface OnnxMapType extends Message {
  readonly keyTypeCode: number;
  readonly valueType?: OnnxType;
}

export interface OnnxShape extends Message {
  readonly dims: readonly OnnxDim[];
}

/** Neither `size` nor `symbol`: unknown. */
export interface OnnxDim extends Message {
  readonly size?: number;
  readonly symbol?: string;
  readonly denotation: string;
}

export interface OnnxOpsetImport extends Message {
  readonly domain: string;
  readonly version: number;
}

export interface OnnxFunction extends Message {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributeNames: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
  readonly nodes: readonly OnnxNode[];
  readonly opsetImports: readonly OnnxOpsetImport[];
  readonly valueInfos: readonly OnnxValueInfo[];
  readonly docString: string;
  readonly metadata: readonly OnnxEntry[];
}

export interface OnnxEntry extends Message {
  readonly key: string;
  readonly value: string;
}
