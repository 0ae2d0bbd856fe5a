import type {ElementType} from '../../documents/elementTypes.ts';
import {describeInput} from './inferRequest.ts';
import {describeOutput} from './inferReply.ts';

/** Of a request, and of its reply. */
export interface HeaderBytes {
  readonly up: number;
  readonly down: number;
}

const SEPARATOR = ','.length;

/** What a message's JSON says of one tensor, as an input on the way up, as an output on the way down. */
export function headerBytesOfTensor(
  name: string,
  form: {readonly elementType: ElementType; readonly shape: readonly number[]},
  sizeBytes: number,
): HeaderBytes {
  return {
    up: Buffer.byteLength(JSON.stringify(describeInput(name, form, sizeBytes))) + SEPARATOR,
    down: Buffer.byteLength(describeOutput(name, form, sizeBytes)) + SEPARATOR,
  };
}

/** What a call has more the longer its model's name is: in the path, and in what the reply says. */
export function headerBytesOfName(modelName: string): HeaderBytes {
  return {
    up: encodeURIComponent(modelName).length,
    down: Buffer.byteLength(JSON.stringify(modelName)),
  };
}
