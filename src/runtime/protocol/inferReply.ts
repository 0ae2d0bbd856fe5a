import {protocolNameFromElementType} from '../../documents/elementTypes.ts';
import type {Tensor} from '../../documents/tensor.ts';
import {jsonDataFromTensor} from './jsonData.ts';
import {encodeParts, type EncodedMessage, type InferReply} from './messages.ts';
import {listFrom, splitBody, startTensorReader} from './readFields.ts';

/**
 * Tensors for which `isBinary` holds follow the JSON as they are; the others are spelled out in it.
 * @throws ProtocolError 400 when a tensor can only be sent as binary data
 */
export function encodeInferReply(reply: InferReply, isBinary: (output: string) => boolean): EncodedMessage {
  const binary: Uint8Array[] = [];
  // Put together by hand: `data` is already JSON text, and JSON.stringify knows no 64-bit integers.
  const outputs = reply.outputs.map(([name, tensor]) => {
    if (!isBinary(name)) return `${beginOutput(name, tensor)}"data":${jsonDataFromTensor(name, tensor)}}`;
    binary.push(tensor.bytes);
    return describeOutput(name, tensor, tensor.bytes.byteLength);
  });
  const id = reply.id === undefined ? '' : `"id":${JSON.stringify(reply.id)},`;
  const json = `{${id}"model_name":${JSON.stringify(reply.modelName)},"model_version":${JSON.stringify(reply.modelVersion)},"outputs":[${outputs.join(',')}]}`;
  return encodeParts(json, binary);
}

/** What a reply's JSON says of an output that follows as binary data. */
export function describeOutput(
  name: string,
  form: Pick<Tensor, 'elementType' | 'shape'>,
  sizeBytes: number,
): string {
  return `${beginOutput(name, form)}"parameters":{"binary_data_size":${sizeBytes}}}`;
}

function beginOutput(name: string, {elementType, shape}: Pick<Tensor, 'elementType' | 'shape'>): string {
  return `{"name":${JSON.stringify(name)},"datatype":"${protocolNameFromElementType(elementType)}","shape":[${shape.join(',')}],`;
}

/** @throws ProtocolError 400 when the body is not a reply of the protocol */
export function decodeInferReply(body: Uint8Array, headerLength: number | null): InferReply {
  const {json, binary} = splitBody(body, headerLength);
  const reader = startTensorReader(binary);
  return {
    ...(typeof json['id'] === 'string' ? {id: json['id']} : {}),
    modelName: typeof json['model_name'] === 'string' ? json['model_name'] : '',
    modelVersion: typeof json['model_version'] === 'string' ? json['model_version'] : '',
    outputs: listFrom(json['outputs'], '"outputs"').map(value => reader.read(value, 'output')),
  };
}
