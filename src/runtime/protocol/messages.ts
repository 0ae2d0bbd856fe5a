import type {Tensor} from '../../documents/tensor.ts';

/** The HTTP header that tells where the JSON ends and the tensors begin. */
export const HEADER_LENGTH_FIELD = 'inference-header-content-length';

export interface RequestedOutput {
  readonly name: string;
  readonly isBinary: boolean;
}

export interface InferRequest {
  readonly id?: string;
  readonly inputs: readonly (readonly [string, Tensor])[];
  /** `null`: every output of the model. */
  readonly outputs: readonly RequestedOutput[] | null;
  /** How outputs are answered that the request does not name. */
  readonly isBinaryByDefault: boolean;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface InferReply {
  readonly id?: string;
  readonly modelName: string;
  readonly modelVersion: string;
  readonly outputs: readonly (readonly [string, Tensor])[];
}

/** A body in pieces that are written one after the other, so that tensors are not copied together. */
export interface EncodedMessage {
  readonly parts: readonly Uint8Array[];
  readonly totalBytes: number;
  /** Of the JSON at the start; `null` when there is nothing but JSON. */
  readonly headerLength: number | null;
}

export function encodeParts(json: string, binary: readonly Uint8Array[]): EncodedMessage {
  const header = Buffer.from(json, 'utf8');
  return {
    parts: [header, ...binary],
    totalBytes: binary.reduce((sum, part) => sum + part.byteLength, header.length),
    headerLength: binary.length === 0 ? null : header.length,
  };
}
