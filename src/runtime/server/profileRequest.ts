import {ProtocolError} from '../protocol/protocolError.ts';
import {fieldsFrom, splitBody} from '../protocol/readFields.ts';
import type {ProfileRequest} from './servedModels.ts';

/** @throws ProtocolError 400 */
export function profileRequestFromBody(body: Uint8Array): ProfileRequest {
  const json = body.byteLength === 0 ? {} : splitBody(body, null).json;
  const count = (key: string, fallback: number, min: number): number => {
    const value = json[key] ?? fallback;
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > 1000) {
      throw new ProtocolError(400, `"${key}" must be a whole number from ${min} to 1000`);
    }
    return value as number;
  };
  const shapes = json['shapes'] === undefined ? {} : fieldsFrom(json['shapes'], '"shapes"');
  for (const [name, shape] of Object.entries(shapes)) {
    if (!Array.isArray(shape) || !shape.every(size => Number.isInteger(size) && (size as number) > 0)) {
      throw new ProtocolError(400, `"shapes": '${name}' must be an array of positive whole numbers`);
    }
  }
  return {
    runs: count('runs', 20, 1),
    warmUps: count('warmUps', 3, 0),
    shapes: shapes as Record<string, number[]>,
  };
}
