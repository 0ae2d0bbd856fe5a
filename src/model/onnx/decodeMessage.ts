import {WireType} from '@bufbuild/protobuf/wire';
import type {SourceRange} from './byteSource.ts';
import {TENSOR_TABLE, type FieldKind, type FieldSpec, type MessageTable} from './fieldTables.ts';
import type {ListRecord, OnnxTensor} from './messages.ts';
import {rememberOrigin} from './origins.ts';
import type {WireField, WireReader} from './wireReader.ts';

/** Graphs nest through attributes; real models stay below ten. */
const MAX_DEPTH = 100;

export interface DecodeContext {
  readonly wire: WireReader;
  /** Called for each tensor, to find its external values. */
  readonly completeTensor: (tensor: OnnxTensor) => OnnxTensor;
}

const decoder = new TextDecoder();

/**
 * The message of `table` that lies in bytes `start` to `end`, as a frozen object keyed like messages.ts.
 * @throws ExpectedError `not-an-onnx-model`
 */
export function decodeMessage(
  context: DecodeContext,
  table: MessageTable,
  start: number,
  end: number,
  depth = 0,
): Record<string, unknown> {
  const {wire} = context;
  if (depth > MAX_DEPTH) throw wire.invalid(start, `messages nested more than ${MAX_DEPTH} deep`);
  const message: Record<string, unknown> = {};
  for (const field of table.fields) {
    if (field.isRepeated) message[field.key] = [];
    else if (field.initial !== undefined) message[field.key] = field.initial;
  }
  const unknown: SourceRange[] = [];
  for (let at = start; at < end;) {
    const record = wire.readField(at, end);
    at = record.end;
    const field = table.byNumber.get(record.number);
    if (field === undefined) unknown.push(wire.range(record.start, record.end));
    else if (field.isRepeated)
      appendValues(context, table, field, record, message[field.key] as unknown[], depth);
    else if (typeof field.kind === 'function' && message[field.key] !== undefined) {
      throw wire.invalid(record.start, `a second ${field.key} of ${table.name}`);
    } else message[field.key] = decodeValue(context, table, field, record, depth);
  }
  for (const field of table.fields) if (field.isRepeated) Object.freeze(message[field.key]);
  message['unknown'] = Object.freeze(unknown);
  const complete =
    table === TENSOR_TABLE ? {...context.completeTensor(message as unknown as OnnxTensor)} : message;
  rememberOrigin(complete, wire.range(start, end));
  return Object.freeze(complete);
}

function appendValues(
  context: DecodeContext,
  table: MessageTable,
  field: FieldSpec,
  record: WireField,
  values: unknown[],
  depth: number,
): void {
  const {wire} = context;
  const isPacked = record.wireType === WireType.LengthDelimited;
  if (field.kind === 'list') {
    const list: ListRecord = {
      fieldNumber: record.number,
      isPacked,
      values: wire.range(record.valueStart, record.end),
      record: wire.range(record.start, record.end),
    };
    values.push(Object.freeze(list));
  } else if (isPacked && (field.kind === 'integer' || field.kind === 'bigint' || field.kind === 'float')) {
    const wireType = field.kind === 'float' ? WireType.Bit32 : WireType.Varint;
    for (let at = record.valueStart; at < record.end;) {
      const element = wire.readElement(wireType, record, at);
      values.push(decodeValue(context, table, field, element, depth));
      at = element.end;
    }
  } else values.push(decodeValue(context, table, field, record, depth));
}

function decodeValue(
  context: DecodeContext,
  table: MessageTable,
  field: FieldSpec,
  record: WireField,
  depth: number,
): unknown {
  const {wire} = context;
  if (record.wireType !== wireTypeOf(field.kind)) {
    throw wire.invalid(record.start, `a ${table.name} whose ${field.key} has wire type ${record.wireType}`);
  }
  if (typeof field.kind === 'function') {
    return decodeMessage(context, field.kind(), record.valueStart, record.end, depth + 1);
  }
  switch (field.kind) {
    case 'integer':
      return wire.integer(record);
    case 'bigint':
      return wire.bigint(record);
    case 'float':
      return wire.float(record);
    case 'string':
      return decoder.decode(wire.bytes(record));
    case 'bytes':
      return wire.bytes(record);
    case 'range':
    case 'list':
      return Object.freeze(wire.range(record.valueStart, record.end));
  }
}

export function wireTypeOf(kind: FieldKind): WireType {
  if (kind === 'integer' || kind === 'bigint') return WireType.Varint;
  return kind === 'float' ? WireType.Bit32 : WireType.LengthDelimited;
}
