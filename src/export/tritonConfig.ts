import type {ElementType} from '../documents/elementTypes.ts';
import type {TensorSpec} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {ServedSegment} from './servedSegment.ts';

const TYPES: Readonly<Partial<Record<ElementType, string>>> = {
  bool: 'TYPE_BOOL',
  uint8: 'TYPE_UINT8',
  uint16: 'TYPE_UINT16',
  uint32: 'TYPE_UINT32',
  uint64: 'TYPE_UINT64',
  int8: 'TYPE_INT8',
  int16: 'TYPE_INT16',
  int32: 'TYPE_INT32',
  int64: 'TYPE_INT64',
  float16: 'TYPE_FP16',
  float32: 'TYPE_FP32',
  float64: 'TYPE_FP64',
  bfloat16: 'TYPE_BF16',
  string: 'TYPE_STRING',
};

/**
 * Triton's config.pbtxt in protobuf's text format. A segment's shapes are fixed, batch and all, so that it computes what was
 * planned: `max_batch_size` is 0, and dims are whole shapes.
 * @throws ExpectedError `unsupported-tensor-type` (exit 13)
 * @see triton-inference-server/common protobuf/model_config.proto
 */
export function tritonConfig({name, inputs, outputs, instances, threads}: ServedSegment): string {
  return [
    `name: ${quoted(name)}`,
    'backend: "onnxruntime"',
    'max_batch_size: 0',
    ...inputs.map(spec => tensorBlock('input', spec)),
    ...outputs.map(spec => tensorBlock('output', spec)),
    `instance_group [ { count: ${instances} kind: KIND_CPU } ]`,
    '# The file is optimised already, as far as leaves the numbers what they are on the device.',
    'optimization { graph { level: -1 } }',
    `parameters { key: "intra_op_thread_count" value { string_value: ${quoted(String(threads))} } }`,
    'version_policy { specific { versions: [ 1 ] } }',
    '',
  ].join('\n');
}

function tensorBlock(kind: 'input' | 'output', {name, elementType, shape}: TensorSpec): string {
  const type = TYPES[elementType];
  if (type === undefined)
    throw new ExpectedError(
      'unsupported-tensor-type',
      `Tensor ${name} is ${elementType}, which Triton does not take.`,
      EXIT.unsupported,
    );
  // A scalar has no dims, and Triton wants some.
  const dims = shape.length === 0 ? 'dims: [ 1 ] reshape { shape: [ ] }' : `dims: [ ${shape.join(', ')} ]`;
  return `${kind} [ { name: ${quoted(name)} data_type: ${type} ${dims} } ]`;
}

/** As protobuf's text format reads strings: bytes beyond ASCII as octal numbers. */
function quoted(text: string): string {
  const escaped = [...new TextEncoder().encode(text)].map(byte => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  });
  return `"${escaped.join('')}"`;
}
