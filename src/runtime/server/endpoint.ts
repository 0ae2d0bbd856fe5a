import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {protocolNameFromElementType} from '../../documents/elementTypes.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import type {SignatureTensor} from '../../engine/signature.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {bodyFromChunks, headerLengthFrom} from '../protocol/bodies.ts';
import {encodeInferReply} from '../protocol/inferReply.ts';
import {decodeInferRequest} from '../protocol/inferRequest.ts';
import {HEADER_LENGTH_FIELD, type EncodedMessage} from '../protocol/messages.ts';
import {canUnpack, PACKING, PACKING_EXTENSION, unpackBody} from '../protocol/packing.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import {splitBody} from '../protocol/readFields.ts';
import {asksToRemove, REMOVE_EXTENSION} from '../protocol/removeModel.ts';
import {serverTimingFromTimings} from '../protocol/serverTiming.ts';
import {uploadedFilesFromBody} from '../protocol/uploadedFiles.ts';
import {KEEP_EXTENSION, startKeptTensors, type KeptTensors} from './keptTensors.ts';
import {profileRequestFromBody} from './profileRequest.ts';
import {readBody} from './readBody.ts';
import {routeFromUrl, type Route} from './routes.ts';
import type {ServedModel, ServedModels} from './servedModels.ts';
import {http} from '../nodeHttp.ts';

interface OfferedModels {
  readonly models: ServedModels;
  readonly kept: KeptTensors;
}

export interface EndpointOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly serverName: string;
  readonly serverVersion: string;
  readonly maxBodyBytes: number;
  readonly isReady: () => boolean;
  /** Failures that no client can mend. */
  readonly reportBug: (error: unknown) => void;
}

export interface Endpoint {
  readonly port: number;
  /** Stops accepting, lets requests under way finish for at most `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly message: EncodedMessage | null;
  readonly headers: Record<string, string | number>;
}

/** Idle connections stay open this long: reconnecting costs a slow link a round trip at the worst moment. */
const KEEP_ALIVE_MS = 600_000;

/**
 * Serves models in the Open Inference Protocol v2 over plain HTTP. `Server-Timing` starts with `total`: from the last
 * byte of the request's body to the answer's being ready to send.
 * @throws ExpectedError `port-in-use`
 * @see https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
 */
export async function startEndpoint(models: ServedModels, options: EndpointOptions): Promise<Endpoint> {
  const offered: OfferedModels = {models, kept: startKeptTensors()};
  const server = http.createServer(
    {noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 3_600_000},
    (request, response) => {
      answerRequest(offered, options, request, response).catch((error: unknown) => {
        options.reportBug(error);
        response.destroy();
      });
    },
  );
  await listen(server, options);
  const {port} = server.address() as AddressInfo;
  return {
    port,
    async close(graceMs = 5000) {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function listen(server: Server, {host, port}: EndpointOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      reject(
        new ExpectedError(
          isTaken ? 'port-in-use' : 'cannot-listen',
          isTaken
            ? `Port ${port} of ${host} is in use by another program.`
            : `Cannot listen on ${host}:${port}: ${error.message}.`,
          EXIT.commandFailed,
          {cause: error},
        ),
      );
    });
    server.listen(port, host, () => resolve());
  });
}

async function answerRequest(
  offered: OfferedModels,
  options: EndpointOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answer: Answer;
  try {
    const route = routeFromUrl(request.method ?? 'GET', request.url ?? '/');
    const headerLength = headerLengthFrom(request.headers[HEADER_LENGTH_FIELD]);
    const {maxBodyBytes} = options;
    const encoding = request.headers['content-encoding'] ?? 'identity';
    const isPacked = encoding === PACKING;
    const read =
      request.method === 'POST'
        ? await readBody(request, isPacked ? null : headerLength, maxBodyBytes)
        : null;
    if (!isPacked && encoding !== 'identity')
      throw new ProtocolError(415, `bodies may be packed with ${PACKING}, not with ${encoding}`);
    const receivedNs = process.hrtime.bigint();
    const given = read ?? new Uint8Array();
    const body = isPacked ? await unpacked(given, headerLength, maxBodyBytes) : given;
    answer = await answerRoute(offered, options, route, {body, headerLength, receivedNs});
  } catch (error) {
    answer = answerFromError(error, options);
  }
  sendAnswer(request, response, answer);
}

/** With its tensors where they can be viewed in place, as those of a body that was not packed. */
async function unpacked(
  body: Uint8Array,
  headerLength: number | null,
  maxBytes: number,
): Promise<Uint8Array> {
  const whole = await unpackBody(body, maxBytes);
  return bodyFromChunks([whole], whole.byteLength, headerLength);
}

function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  {status, message, headers}: Answer,
): void {
  const isUnread = !request.complete;
  response.writeHead(status, {
    ...headers,
    'content-length': message?.totalBytes ?? 0,
    ...(message === null || message.headerLength === null
      ? {}
      : {[HEADER_LENGTH_FIELD]: message.headerLength}),
    ...(isUnread ? {connection: 'close'} : {}),
  });
  response.cork();
  for (const part of message?.parts ?? []) response.write(part);
  response.end();
  response.uncork();
  if (isUnread) {
    // The client is still sending: let it read the answer before the connection goes.
    request.resume();
    response.on('finish', () => setTimeout(() => request.socket.destroy(), 1000).unref());
  }
}

interface Received {
  readonly body: Uint8Array;
  readonly headerLength: number | null;
  readonly receivedNs: bigint;
}

async function answerRoute(
  {models, kept}: OfferedModels,
  options: EndpointOptions,
  route: Route,
  received: Received,
): Promise<Answer> {
  switch (route.kind) {
    case 'infer':
      return infer(findModel(models, route), kept, received);
    case 'live':
      return jsonAnswer({live: true});
    case 'ready':
      return options.isReady() ? jsonAnswer({ready: true}) : jsonAnswer({ready: false}, 503);
    case 'server-metadata':
      return jsonAnswer({
        name: options.serverName,
        version: options.serverVersion,
        extensions: [
          'binary_tensor_data',
          KEEP_EXTENSION,
          ...(canUnpack ? [PACKING_EXTENSION] : []),
          ...(models.control === undefined ? [] : ['model_repository', REMOVE_EXTENSION]),
          ...(models.profile === undefined ? [] : ['edgewise_profile']),
          ...(models.readStatistics === undefined ? [] : ['edgewise_statistics']),
        ],
      });
    case 'model-metadata':
      return jsonAnswer(metadataOf(findModel(models, route)));
    case 'model-ready':
      return jsonAnswer({name: findModel(models, route).name, ready: true});
    case 'repository-index': {
      const isReadyOnly =
        received.body.byteLength > 0 && splitBody(received.body, null).json['ready'] === true;
      return jsonAnswer(models.listStates().filter(({state}) => !isReadyOnly || state === 'READY'));
    }
    case 'load':
      await controlOf(models).load(route.model, uploadedFilesFromBody(received.body));
      return {status: 200, message: null, headers: {}};
    case 'unload':
      await controlOf(models).unload(route.model, {isRemoved: asksToRemove(received.body)});
      return {status: 200, message: null, headers: {}};
    case 'statistics':
      if (models.readStatistics === undefined)
        throw new ProtocolError(404, 'statistics are not offered here');
      return jsonAnswer(models.readStatistics());
    case 'profile': {
      if (models.profile === undefined) throw new ProtocolError(404, 'profiling is not offered here');
      findModel(models, route);
      return jsonAnswer(await models.profile(route.model, profileRequestFromBody(received.body)));
    }
  }
}

async function infer(
  model: ServedModel,
  kept: KeptTensors,
  {body, headerLength, receivedNs}: Received,
): Promise<Answer> {
  const request = decodeInferRequest(body, headerLength);
  const wanted = request.outputs?.map(({name}) => name) ?? model.outputs.map(({name}) => name);
  for (const name of wanted) {
    if (!model.outputs.some(output => output.name === name)) {
      throw new ProtocolError(400, `model '${model.name}' has no output '${name}'`);
    }
  }
  const binary = new Set(request.outputs?.filter(({isBinary}) => isBinary).map(({name}) => name));
  const inputs: NamedTensors = Object.fromEntries(request.inputs);
  const {outputs, timings} = await kept.infer(model, {inputs, wanted, parameters: request.parameters});
  const message = encodeInferReply(
    {
      ...(request.id === undefined ? {} : {id: request.id}),
      modelName: model.name,
      modelVersion: model.version,
      outputs: wanted.map(name => [name, outputs[name]!] as const),
    },
    name => (request.outputs === null ? request.isBinaryByDefault : binary.has(name)),
  );
  const totalMs = Number(process.hrtime.bigint() - receivedNs) / 1e6;
  const contentType = message.headerLength === null ? 'application/json' : 'application/octet-stream';
  return {
    status: 200,
    message,
    headers: {
      'content-type': contentType,
      'server-timing': serverTimingFromTimings([['total', totalMs], ...timings]),
    },
  };
}

function findModel(
  models: ServedModels,
  {model: name, version}: {model: string; version: string | null},
): ServedModel {
  const model = models.find(name);
  if (model === undefined) throw new ProtocolError(404, `Request for unknown model: '${name}' is not found`);
  if (version !== null && version !== model.version) {
    throw new ProtocolError(404, `Request for unknown model: '${name}' version ${version} is not found`);
  }
  return model;
}

function controlOf(models: ServedModels) {
  if (models.control === undefined) {
    throw new ProtocolError(
      400,
      'loading and unloading are not allowed: start the server with --model-control explicit',
    );
  }
  return models.control;
}

function metadataOf(model: ServedModel) {
  const describe = ({name, elementType, shape}: SignatureTensor) => ({
    name,
    datatype: protocolNameFromElementType(elementType),
    shape: shape.map(size => (typeof size === 'number' ? size : -1)),
  });
  return {
    name: model.name,
    versions: [model.version],
    platform: model.platform,
    inputs: model.inputs.map(describe),
    outputs: model.outputs.map(describe),
  };
}

function jsonAnswer(value: unknown, status = 200): Answer {
  const bytes = Buffer.from(JSON.stringify(value));
  return {
    status,
    message: {parts: [bytes], totalBytes: bytes.length, headerLength: null},
    headers: {'content-type': 'application/json'},
  };
}

function answerFromError(error: unknown, {reportBug}: EndpointOptions): Answer {
  if (error instanceof ProtocolError) return jsonAnswer({error: error.message}, error.httpStatus);
  if (error instanceof ExpectedError)
    return jsonAnswer({error: error.message}, error.exitCode === EXIT.usage ? 400 : 500);
  reportBug(error);
  return jsonAnswer({error: `internal error: ${messageOf(error)}`}, 500);
}
