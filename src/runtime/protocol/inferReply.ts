import {protocolNameFromElementType} from '../../documents/elementTypes.ts';
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
    const about = `{"name":${JSON.stringify(name)},"datatype":"${protocolNameFromElementType(tensor.elementType)}","shape":[${tensor.shape.join(',')}],`;
    if (!isBinary(name)) return `${about}"data":${jsonDataFromTensor(name, tensor)}}`;
    binary.push(tensor.bytes);
    return `${about}"parameters":{"binary_data_size":${tensor.bytes.byteLength}}}`;
  });
  const id = reply.id === undefined ? '' : `"id":${JSON.stringify(reply.id)},`;
  const json = `{${id}"model_name":${JSON.stringify(reply.modelName)},"model_version":${JSON.stringify(reply.modelVersion)},"outputs":[${outputs.join(',')}]}`;
  return encodeParts(json, binary);
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
