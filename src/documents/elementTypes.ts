/**
 * Element types of tensors: the name used in every document and message, the code in ONNX files
 * (TensorProto.DataType) and the name in the Open Inference Protocol.
 * @see https://onnx.ai/onnx/repo-docs/IR.html and https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
 */
const TABLE = [
  {name: 'float32', onnxCode: 1, bits: 32, protocolName: 'FP32'},
  {name: 'uint8', onnxCode: 2, bits: 8, protocolName: 'UINT8'},
  {name: 'int8', onnxCode: 3, bits: 8, protocolName: 'INT8'},
  {name: 'uint16', onnxCode: 4, bits: 16, protocolName: 'UINT16'},
  {name: 'int16', onnxCode: 5, bits: 16, protocolName: 'INT16'},
  {name: 'int32', onnxCode: 6, bits: 32, protocolName: 'INT32'},
  {name: 'int64', onnxCode: 7, bits: 64, protocolName: 'INT64'},
  {name: 'string', onnxCode: 8, bits: null, protocolName: 'BYTES'},
  {name: 'bool', onnxCode: 9, bits: 8, protocolName: 'BOOL'},
  {name: 'float16', onnxCode: 10, bits: 16, protocolName: 'FP16'},
  {name: 'float64', onnxCode: 11, bits: 64, protocolName: 'FP64'},
  {name: 'uint32', onnxCode: 12, bits: 32, protocolName: 'UINT32'},
  {name: 'uint64', onnxCode: 13, bits: 64, protocolName: 'UINT64'},
  {name: 'complex64', onnxCode: 14, bits: 64, protocolName: null},
  {name: 'complex128', onnxCode: 15, bits: 128, protocolName: null},
  {name: 'bfloat16', onnxCode: 16, bits: 16, protocolName: 'BF16'},
  {name: 'float8e4m3fn', onnxCode: 17, bits: 8, protocolName: null},
  {name: 'float8e4m3fnuz', onnxCode: 18, bits: 8, protocolName: null},
  {name: 'float8e5m2', onnxCode: 19, bits: 8, protocolName: null},
  {name: 'float8e5m2fnuz', onnxCode: 20, bits: 8, protocolName: null},
  {name: 'uint4', onnxCode: 21, bits: 4, protocolName: null},
  {name: 'int4', onnxCode: 22, bits: 4, protocolName: null},
  {name: 'float4e2m1', onnxCode: 23, bits: 4, protocolName: null},
] as const;

export type ElementType = (typeof TABLE)[number]['name'];

export const ELEMENT_TYPES = TABLE.map(row => row.name) as [ElementType, ...ElementType[]];

const byName = new Map<string, (typeof TABLE)[number]>(TABLE.map(row => [row.name, row]));
const byOnnxCode = new Map<number, ElementType>(TABLE.map(row => [row.onnxCode, row.name]));
const byProtocolName = new Map<string, ElementType>(
  TABLE.flatMap(row => (row.protocolName === null ? [] : [[row.protocolName, row.name] as const])),
);

function rowOf(type: ElementType): (typeof TABLE)[number] {
  const row = byName.get(type);
  if (row === undefined) throw new RangeError(`no element type "${type}"`);
  return row;
}

export function elementTypeFromOnnxCode(code: number): ElementType | undefined {
  return byOnnxCode.get(code);
}

export function onnxCodeFromElementType(type: ElementType): number {
  return rowOf(type).onnxCode;
}

export function elementTypeFromProtocolName(name: string): ElementType | undefined {
  return byProtocolName.get(name);
}

export function protocolNameFromElementType(type: ElementType): string | null {
  return rowOf(type).protocolName;
}

export function countElements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes of a dense tensor; 4-bit types pack two to a byte. `null` for strings, whose size depends on their content. */
export function sizeInBytes(type: ElementType, shape: readonly number[]): number | null {
  const {bits} = rowOf(type);
  return bits === null ? null : Math.ceil((countElements(shape) * bits) / 8);
}
