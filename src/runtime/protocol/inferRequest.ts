import {protocolNameFromElementType} from '../../documents/elementTypes.ts';
import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import {encodeParts, type EncodedMessage, type InferRequest, type RequestedOutput} from './messages.ts';
import {ProtocolError} from './protocolError.ts';
import {fieldsFrom, listFrom, parametersFrom, splitBody, startTensorReader, textFrom} from './readFields.ts';

export interface RequestToEncode {
  readonly inputs: NamedTensors;
  /** Left out: every output. */
  readonly outputs?: readonly string[];
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
}

/** A request with all tensors as binary data, in both directions. The tensors' memory is referred to, not copied. */
export function encodeInferRequest({inputs, outputs, parameters}: RequestToEncode): EncodedMessage {
  const entries = Object.entries(inputs);
  const json = JSON.stringify({
    inputs: entries.map(([name, tensor]) => describeInput(name, tensor, tensor.bytes.byteLength)),
    ...(outputs === undefined
      ? {}
      : {outputs: outputs.map(name => ({name, parameters: {binary_data: true}}))}),
    parameters: {binary_data_output: true, ...parameters},
  });
  const message = encodeParts(
    json,
    entries.map(([, tensor]) => tensor.bytes),
  );
  // Without any tensor there is still a header, and nothing after it.
  return {...message, headerLength: message.headerLength ?? message.totalBytes};
}

/** What a request's JSON says of an input that follows as binary data. */
export function describeInput(
  name: string,
  {shape, elementType}: Pick<Tensor, 'shape' | 'elementType'>,
  sizeBytes: number,
) {
  return {
    name,
    shape,
    datatype: protocolNameFromElementType(elementType),
    parameters: {binary_data_size: sizeBytes},
  };
}

/**
 * @param headerLength the Inference-Header-Content-Length; `null` when the body is JSON alone
 * @throws ProtocolError 400
 */
export function decodeInferRequest(body: Uint8Array, headerLength: number | null): InferRequest {
  const {json, binary} = splitBody(body, headerLength);
  const parameters = parametersFrom(json, 'the request');
  const isBinaryByDefault = parameters['binary_data_output'] === true;
  const reader = startTensorReader(binary);
  const inputs = listFrom(json['inputs'], '"inputs"').map(value => reader.read(value, 'input'));
  const names = new Set(inputs.map(([name]) => name));
  if (names.size !== inputs.length) throw new ProtocolError(400, 'an input is given twice');
  if (reader.unreadBytes() > 0) {
    throw new ProtocolError(400, `${reader.unreadBytes()} bytes of binary data belong to no input`);
  }
  const outputs = json['outputs'] === undefined ? [] : listFrom(json['outputs'], '"outputs"');
  return {
    ...(json['id'] === undefined ? {} : {id: textFrom(json['id'], '"id"')}),
    inputs,
    outputs:
      outputs.length === 0 ? null : outputs.map(value => requestedOutputFrom(value, isBinaryByDefault)),
    isBinaryByDefault,
    parameters,
  };
}

function requestedOutputFrom(value: unknown, isBinaryByDefault: boolean): RequestedOutput {
  const fields = fieldsFrom(value, 'each output');
  const name = textFrom(fields['name'], 'output "name"');
  const parameters = parametersFrom(fields, `output '${name}'`);
  if (parameters['classification'] !== undefined) {
    throw new ProtocolError(400, `output '${name}': the classification extension is not supported`);
  }
  const asked = parameters['binary_data'];
  return {name, isBinary: typeof asked === 'boolean' ? asked : isBinaryByDefault};
}
