import {elementTypeFromProtocolName, sizeInBytes, type ElementType} from '../../documents/elementTypes.ts';
import type {Tensor} from '../../documents/tensor.ts';
import {canCrossBoundary} from '../../engine/typedViews.ts';
import {bytesFromJsonData, parseExactJson} from './jsonData.ts';
import {ProtocolError} from './protocolError.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsFrom(value: unknown, place: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError(400, `${place} must be an object`);
  }
  return value as Fields;
}

export function listFrom(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new ProtocolError(400, `${place} must be an array`);
  return value;
}

export function textFrom(value: unknown, place: string): string {
  if (typeof value !== 'string') throw new ProtocolError(400, `${place} must be a string`);
  return value;
}

export function parametersFrom(fields: Fields, place: string): Fields {
  return fields['parameters'] === undefined ? {} : fieldsFrom(fields['parameters'], `${place} "parameters"`);
}

/** The JSON at the start of a body and the binary data after it. */
export function splitBody(body: Uint8Array, headerLength: number | null): {json: Fields; binary: Uint8Array} {
  const length = headerLength ?? body.byteLength;
  if (!Number.isInteger(length) || length < 0 || length > body.byteLength) {
    throw new ProtocolError(
      400,
      `Inference-Header-Content-Length ${length} is not within the body of ${body.byteLength} bytes`,
    );
  }
  let parsed: unknown;
  try {
    parsed = parseExactJson(Buffer.from(body.buffer, body.byteOffset, length).toString('utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_STRING_TOO_LONG') {
      throw new ProtocolError(
        413,
        `JSON of ${length} bytes is too long to read; send tensors as binary data`,
      );
    }
    throw new ProtocolError(400, `the body is not JSON: ${(error as Error).message}`);
  }
  return {json: fieldsFrom(parsed, 'the body'), binary: body.subarray(length)};
}

/** Reads tensors in the order in which they are listed, taking binary data from the front of what is left. */
export function startTensorReader(binary: Uint8Array): {
  read: (value: unknown, role: string) => readonly [string, Tensor];
  unreadBytes: () => number;
} {
  let offset = 0;
  const takeBinary = (name: string, role: string, sizeBytes: unknown): Uint8Array => {
    if (typeof sizeBytes !== 'number' || !Number.isInteger(sizeBytes) || sizeBytes < 0) {
      throw new ProtocolError(400, `${role} '${name}': binary_data_size must be a number of bytes`);
    }
    if (offset + sizeBytes > binary.byteLength) {
      throw new ProtocolError(
        400,
        `${role} '${name}': binary_data_size ${sizeBytes} runs past the end of the body`,
      );
    }
    const bytes = binary.subarray(offset, offset + sizeBytes);
    offset += sizeBytes;
    return bytes;
  };
  return {
    unreadBytes: () => binary.byteLength - offset,
    read(value, role) {
      const fields = fieldsFrom(value, `each ${role}`);
      const name = textFrom(fields['name'], `${role} "name"`);
      const elementType = typeFrom(fields['datatype'], name, role);
      const shape = shapeFrom(fields['shape'], name, role);
      const sizeBytes = parametersFrom(fields, `${role} '${name}'`)['binary_data_size'];
      if (sizeBytes === undefined) {
        return [
          name,
          {elementType, shape, bytes: bytesFromJsonData(name, elementType, shape, fields['data'])},
        ];
      }
      const bytes = takeBinary(name, role, sizeBytes);
      const expected = sizeInBytes(elementType, shape);
      if (expected !== null && expected !== bytes.byteLength) {
        throw new ProtocolError(
          400,
          `${role} '${name}' has ${bytes.byteLength} bytes of binary data, but ${String(fields['datatype'])} [${shape.join(',')}] takes ${expected}`,
        );
      }
      return [name, {elementType, shape, bytes}];
    },
  };
}

function typeFrom(value: unknown, name: string, role: string): ElementType {
  const type = typeof value === 'string' ? elementTypeFromProtocolName(value) : undefined;
  if (type === undefined)
    throw new ProtocolError(400, `${role} '${name}' has unknown datatype ${JSON.stringify(value)}`);
  if (!canCrossBoundary(type))
    throw new ProtocolError(400, `${role} '${name}': datatype ${String(value)} is not supported`);
  return type;
}

function shapeFrom(value: unknown, name: string, role: string): number[] {
  const shape = listFrom(value, `${role} '${name}' "shape"`);
  if (!shape.every(size => Number.isSafeInteger(size) && (size as number) >= 0)) {
    throw new ProtocolError(
      400,
      `${role} '${name}' has shape ${JSON.stringify(value)}; sizes must be whole numbers from 0`,
    );
  }
  return shape as number[];
}
