import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../../src/documents/tensor.ts';
import {bytesFromStrings} from '../../../src/engine/stringBytes.ts';
import {bodyFromChunks, headerLengthFrom} from '../../../src/runtime/protocol/bodies.ts';
import {headerBytesOfName, headerBytesOfTensor} from '../../../src/runtime/protocol/headerBytes.ts';
import {decodeInferReply, encodeInferReply} from '../../../src/runtime/protocol/inferReply.ts';
import {decodeInferRequest, encodeInferRequest} from '../../../src/runtime/protocol/inferRequest.ts';
import {encodeLoadRequest} from '../../../src/runtime/protocol/loadRequest.ts';
import type {EncodedMessage} from '../../../src/runtime/protocol/messages.ts';
import {ProtocolError} from '../../../src/runtime/protocol/protocolError.ts';
import {
  serverTimingFromTimings,
  timingsFromServerTiming,
} from '../../../src/runtime/protocol/serverTiming.ts';
import {uploadedFilesFromBody} from '../../../src/runtime/protocol/uploadedFiles.ts';
import {isModelFilePath, routeFromUrl} from '../../../src/runtime/server/routes.ts';

const bodyOf = ({parts, totalBytes, headerLength}: EncodedMessage) =>
  bodyFromChunks(parts, totalBytes, headerLength);
const fromJson = (value: unknown) => decodeInferRequest(Buffer.from(JSON.stringify(value)), null);
const tensor = (elementType: Tensor['elementType'], shape: number[], view: ArrayBufferView): Tensor => ({
  elementType,
  shape,
  bytes: new Uint8Array(view.buffer, view.byteOffset, view.byteLength),
});

function refusal(work: () => unknown): [number, string] {
  try {
    work();
  } catch (error) {
    if (error instanceof ProtocolError) return [error.httpStatus, error.message];
    throw error;
  }
  return [0, 'accepted'];
}

const all: Record<string, Tensor> = {
  f32: tensor('float32', [2], Float32Array.of(0.1, -2)),
  f64: tensor('float64', [2], Float64Array.of(0.1, 1e300)),
  i64: tensor('int64', [3], BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 7n)),
  u64: tensor('uint64', [1], BigUint64Array.of(2n ** 64n - 1n)),
  i8: tensor('int8', [2], Int8Array.of(-128, 127)),
  u8: tensor('uint8', [0], new Uint8Array(0)),
  u16: tensor('uint16', [1], Uint16Array.of(65535)),
  i16: tensor('int16', [1], Int16Array.of(-32768)),
  i32: tensor('int32', [1, 1], Int32Array.of(-(2 ** 31))),
  u32: tensor('uint32', [], Uint32Array.of(2 ** 32 - 1)),
  yes: tensor('bool', [2], Uint8Array.of(1, 0)),
  text: {elementType: 'string', shape: [2], bytes: bytesFromStrings(['a "b"', 'ü'])},
};
const half = tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000));

describe('inference requests', () => {
  it('carry every element type as binary data', () => {
    const inputs = {...all, half};
    const message = encodeInferRequest({inputs, outputs: ['y'], parameters: {reply_bytes: 3}});
    const request = decodeInferRequest(bodyOf(message), message.headerLength);
    expect(Object.fromEntries(request.inputs)).toEqual(inputs);
    expect(request.outputs).toEqual([{name: 'y', isBinary: true}]);
    expect(request.parameters['reply_bytes']).toBe(3);
  });

  it('put the first tensor where it can be viewed in place', () => {
    const message = encodeInferRequest({inputs: {x: all['f64']!}});
    const [[, first]] = decodeInferRequest(bodyOf(message), message.headerLength).inputs as [
      [string, Tensor],
    ];
    expect(first.bytes.byteOffset % 8).toBe(0);
  });

  it('take nested and flat JSON alike', () => {
    const input = {name: 'x', datatype: 'INT8', shape: [2, 2]};
    const nested = fromJson({
      inputs: [
        {
          ...input,
          data: [
            [1, 2],
            [3, -4],
          ],
        },
      ],
    });
    expect(nested.inputs).toEqual(fromJson({inputs: [{...input, data: [1, 2, 3, -4]}]}).inputs);
    expect([...nested.inputs[0]![1].bytes]).toEqual([1, 2, 3, 252]);
  });

  it('keep 64-bit integers exact in JSON, in both directions', () => {
    const text =
      '{"inputs":[{"name":"x","datatype":"INT64","shape":[2],"data":[9223372036854775807,-9007199254740993]}]}';
    const [[, x]] = decodeInferRequest(Buffer.from(text), null).inputs as [[string, Tensor]];
    expect([...new BigInt64Array(x.bytes.slice().buffer)]).toEqual([
      9223372036854775807n,
      -9007199254740993n,
    ]);
    const reply = encodeInferReply({modelName: 'm', modelVersion: '1', outputs: [['x', x]]}, () => false);
    expect(Buffer.from(reply.parts[0]!).toString()).toContain('[9223372036854775807,-9007199254740993]');
  });

  const x = {name: 'x', datatype: 'FP32', shape: [2], data: [1, 2]};
  it.each([
    ['text that is not JSON', () => decodeInferRequest(Buffer.from('{'), null), 'not JSON'],
    ['no inputs', () => fromJson({}), '"inputs" must be an array'],
    ['an unknown datatype', () => fromJson({inputs: [{...x, datatype: 'FP23'}]}), 'unknown datatype "FP23"'],
    ['bfloat16', () => fromJson({inputs: [{...x, datatype: 'BF16'}]}), 'BF16 is not supported'],
    ['half precision in JSON', () => fromJson({inputs: [{...x, datatype: 'FP16'}]}), 'only as binary data'],
    [
      'too few elements',
      () => fromJson({inputs: [{...x, data: [1]}]}),
      '1 elements, but its shape [2] takes 2',
    ],
    ['a negative size', () => fromJson({inputs: [{...x, shape: [-1]}]}), 'whole numbers from 0'],
    [
      'a string among numbers',
      () => fromJson({inputs: [{...x, data: [1, '2']}]}),
      '"2" is not a value of float32',
    ],
    [
      'an integer out of range',
      () => fromJson({inputs: [{...x, datatype: 'UINT8', data: [1, 256]}]}),
      '256 is not a value of uint8',
    ],
    [
      'a fraction among integers',
      () => fromJson({inputs: [{...x, datatype: 'INT64', data: [1, 0.5]}]}),
      '0.5 is not a value of int64',
    ],
    ['an input given twice', () => fromJson({inputs: [x, x]}), 'given twice'],
    [
      'binary data past the end',
      () => fromJson({inputs: [{...x, data: undefined, parameters: {binary_data_size: 8}}]}),
      'runs past the end',
    ],
    [
      'binary data that nobody takes',
      () => decodeInferRequest(Buffer.from('{"inputs":[]}abc'), 13),
      '3 bytes of binary data',
    ],
    ['a header longer than the body', () => decodeInferRequest(Buffer.from('{}'), 3), 'not within the body'],
    [
      'a header length that is no number',
      () => decodeInferRequest(Buffer.from('{}'), headerLengthFrom('x')),
      'not within the body',
    ],
    [
      'a size that is not the shape’s',
      () => {
        const json = JSON.stringify({inputs: [{...x, data: undefined, parameters: {binary_data_size: 4}}]});
        return decodeInferRequest(Buffer.from(`${json}1234`), json.length);
      },
      '4 bytes of binary data, but FP32 [2] takes 8',
    ],
  ])('are refused for %s', (_, work, part) => {
    const [status, message] = refusal(work);
    expect(message).toContain(part);
    expect(status).toBe(400);
  });
});

describe('inference replies', () => {
  const reply = {id: 'seven "7"', modelName: 'm', modelVersion: '1', outputs: Object.entries(all)};
  it.each([
    ['binary data', () => true],
    ['JSON', () => false],
    ['a mixture', (name: string) => name > 'i'],
  ])('survive as %s', (_, isBinary) => {
    const message = encodeInferReply(reply, isBinary);
    expect(decodeInferReply(bodyOf(message), message.headerLength)).toEqual(reply);
  });
  it('refuse to write half precision as JSON', () => {
    const work = () => encodeInferReply({...reply, outputs: [['h', half]]}, () => false);
    expect(refusal(work)[1]).toContain('ask for binary_data');
  });
  it('write NaN, which JSON does not have, as null', () => {
    const nan = tensor('float32', [1], Float32Array.of(Number.NaN));
    const {parts} = encodeInferReply({...reply, outputs: [['n', nan]]}, () => false);
    expect(Buffer.from(parts[0]!).toString()).toContain('"data":[null]');
  });
});

describe('Server-Timing', () => {
  it('survives the way there and back', () => {
    const header = serverTimingFromTimings([
      ['total', 12.34567],
      ['head', 0],
    ]);
    expect(header).toBe('total;dur=12.346, head;dur=0.000');
    expect([...timingsFromServerTiming(header)]).toEqual([
      ['total', 12.346],
      ['head', 0],
    ]);
  });
  it('of other servers is read where it has durations', () => {
    expect([...timingsFromServerTiming('miss, db;desc="x y";dur=5, cpu;DUR="2.5"')]).toEqual([
      ['db', 5],
      ['cpu', 2.5],
    ]);
    expect(timingsFromServerTiming(undefined).size).toBe(0);
  });
});

describe('requests to load a model', () => {
  const bodyFrom = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
  it('carry files of any size, whatever the sizes of the pieces', () => {
    const files = {
      '1/model.onnx': Uint8Array.from({length: 13 * 2 ** 20 + 1}, (_, i) => (i * 31) ^ (i >> 8)),
      '1/weights.bin': Uint8Array.of(1, 2, 3),
      '1/empty': new Uint8Array(0),
    };
    const read = uploadedFilesFromBody(bodyFrom(encodeLoadRequest(files)))!;
    expect([...read.keys()]).toEqual(Object.keys(files));
    for (const [path, bytes] of Object.entries(files)) expect(Buffer.compare(read.get(path)!, bytes)).toBe(0);
  });
  it('without files are told from those with files', () => {
    expect(uploadedFilesFromBody(bodyFrom(encodeLoadRequest({})))).toBeNull();
    expect(uploadedFilesFromBody(new Uint8Array(0))).toBeNull();
  });
  it('may escape the slashes of base64', () => {
    const bytes = new Uint8Array(6000).fill(255);
    const json = JSON.stringify({
      parameters: {'file:1/model.onnx': Buffer.from(bytes).toString('base64')},
    }).replaceAll('/', '\\/');
    expect(uploadedFilesFromBody(Buffer.from(json))!.get('1/model.onnx')).toEqual(bytes);
  });
  it.each(['not base64!', 'abc', 'ab==cd==', '\u00000'])('refuse %j as a file', text => {
    const [status, message] = refusal(() =>
      uploadedFilesFromBody(Buffer.from(JSON.stringify({parameters: {'file:1/model.onnx': text}}))),
    );
    expect([status, message]).toEqual([400, "parameter 'file:1/model.onnx' is not base64"]);
  });
});

describe('routes', () => {
  it.each([
    ['GET', '/v2', {kind: 'server-metadata'}],
    ['GET', '/v2/health/live', {kind: 'live'}],
    ['GET', '/v2/models/a/versions/3/ready?x=1', {kind: 'model-ready', model: 'a', version: '3'}],
    ['POST', '/v2/models/a%2Db/infer', {kind: 'infer', model: 'a-b', version: null}],
    ['POST', '/v2/repository/models/a/load', {kind: 'load', model: 'a'}],
    ['POST', '/v2/models/a/edgewise/profile', {kind: 'profile', model: 'a', version: null}],
  ])('%s %s', (method, url, route) => expect(routeFromUrl(method, url)).toEqual(route));

  it.each([
    ['GET', '/', 404],
    ['GET', '/v2/models', 404],
    ['GET', '/v2/models/a/b', 404],
    ['GET', '/v2/models/a/infer', 405],
    ['POST', '/v2', 405],
    ['GET', '/v2/models/..%2F..%2Fetc', 400],
    ['POST', '/v2/repository/models/%2e%2e/load', 400],
    ['POST', '/v2/repository/models/.staging/load', 400],
    ['GET', '/v2/models/%E0%A4%A', 400],
  ])('%s %s is refused with %i', (method, url, status) => {
    expect(refusal(() => routeFromUrl(method, url))[0]).toBe(status);
  });

  it.each([
    ['1/model.onnx', true],
    ['2/weights/w_1.bin', true],
    ['model.onnx', false],
    ['1/../model.onnx', false],
    ['1/.hidden', false],
    ['1//x', false],
    ['0/model.onnx', false],
    ['1/a\0b', false],
    ['/etc/passwd', false],
  ])('the path %j of an uploaded file: %s', (path, isAllowed) =>
    expect(isModelFilePath(path)).toBe(isAllowed),
  );
});

describe('what a message says of a tensor', () => {
  const names = ['f32', 'é "quoted"', 'a/b:0'];
  const given = Object.fromEntries(names.map(name => [name, all['i64']!]));
  const [first = '', ...others] = names;
  const lengthOf = ({headerLength}: EncodedMessage): number => headerLength!;
  const request = (wanted: readonly string[]) =>
    encodeInferRequest({inputs: Object.fromEntries(wanted.map(name => [name, given[name]!]))});
  const reply = (wanted: readonly string[], modelName = 'm') =>
    encodeInferReply(
      {modelName, modelVersion: '1', outputs: wanted.map(name => [name, given[name]!] as const)},
      () => true,
    );

  it('is what the messages are longer by', () => {
    const more = others.map(name => headerBytesOfTensor(name, given[name]!, given[name]!.bytes.byteLength));
    const sum = (way: 'up' | 'down') => more.reduce((total, bytes) => total + bytes[way], 0);
    expect(lengthOf(request(names)) - lengthOf(request([first]))).toBe(sum('up'));
    expect(lengthOf(reply(names)) - lengthOf(reply([first]))).toBe(sum('down'));
  });

  it('as is the name of the model', () => {
    const [short, long] = ['m', 'größer "m"'].map(headerBytesOfName);
    expect(long!.up - short!.up).toBe(encodeURIComponent('größer "m"').length - 1);
    expect(lengthOf(reply(names, 'größer "m"')) - lengthOf(reply(names))).toBe(long!.down - short!.down);
  });
});
