import type {IncomingHttpHeaders, OutgoingHttpHeaders} from 'node:http';
import type {NamedTensors} from '../documents/tensor.ts';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {bodyFromChunks, headerLengthFrom} from './protocol/bodies.ts';
import {decodeInferReply} from './protocol/inferReply.ts';
import {encodeInferRequest, type RequestToEncode} from './protocol/inferRequest.ts';
import {encodeLoadRequest} from './protocol/loadRequest.ts';
import {HEADER_LENGTH_FIELD} from './protocol/messages.ts';
import {PACKING, packParts} from './protocol/packing.ts';
import {ProtocolError} from './protocol/protocolError.ts';
import {REMOVE_EXTENSION} from './protocol/removeModel.ts';
import {timingsFromServerTiming} from './protocol/serverTiming.ts';
import type {CloudProfile, ProfileRequest} from './server/servedModels.ts';
import {http, https} from './nodeHttp.ts';

export interface InferAnswer {
  readonly outputs: NamedTensors;
  /** What the server says about itself, in milliseconds; `compute` from `edgewise serve`. */
  readonly serverTiming: ReadonlyMap<string, number>;
  /** From handing over the request to having its whole answer. */
  readonly wallMs: number;
  /** All that came, for what is not of the protocol. */
  readonly headers: IncomingHttpHeaders;
}

export interface InferOptions {
  readonly deadlineMs?: number;
  /** Send the body packed, which not every server takes. */
  readonly isPacked?: boolean;
  /** Besides those of the protocol. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions?: readonly string[];
  readonly platform: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
  }[];
}

/**
 * A client of the Open Inference Protocol v2 that keeps its connections open. Every call fails with ExpectedError
 * `cloud-timeout` (deadline), `cloud-unreachable` (no connection, or it broke) or `cloud-error` (the server said no; the
 * cause is a ProtocolError with the HTTP status).
 */
export interface ProtocolClient {
  readonly url: string;
  infer(modelName: string, request: RequestToEncode, options?: InferOptions): Promise<InferAnswer>;
  isReady(): Promise<boolean>;
  isModelReady(modelName: string): Promise<boolean>;
  readServerMetadata(): Promise<{
    readonly name: string;
    readonly version: string;
    readonly extensions: readonly string[];
  }>;
  readModelMetadata(modelName: string): Promise<ModelMetadata>;
  listModels(): Promise<
    readonly {
      readonly name: string;
      readonly version: string;
      readonly state: string;
      readonly reason: string;
    }[]
  >;
  /** `files` by their path inside the model's folder, such as `1/model.onnx`; without files the server's own are loaded. */
  loadModel(
    modelName: string,
    files?: Readonly<Record<string, Uint8Array>>,
    options?: {readonly deadlineMs?: number},
  ): Promise<void>;
  /** `isRemoved`: with its files, which only a server with REMOVE_EXTENSION does. */
  unloadModel(modelName: string, options?: {readonly isRemoved?: boolean}): Promise<void>;
  /** An extension that only `edgewise serve` has. */
  profileModel(
    modelName: string,
    request: ProfileRequest,
    options?: {readonly deadlineMs?: number},
  ): Promise<CloudProfile>;
  /** What an agent tells under a path of its own, as JSON. */
  readJson(path: string): Promise<unknown>;
  close(): void;
}

export interface ClientOptions {
  /** For each call that names no deadline of its own. */
  readonly deadlineMs?: number;
}

interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export const DEFAULT_DEADLINE_MS = 10_000;
const LOAD_DEADLINE_MS = 600_000;
const PROFILE_DEADLINE_MS = 300_000;

export function openProtocolClient(
  url: string,
  {deadlineMs: defaultDeadlineMs = DEFAULT_DEADLINE_MS}: ClientOptions = {},
): ProtocolClient {
  const base = new URL(url);
  const isSecure = base.protocol === 'https:';
  const agentOptions = {keepAlive: true, keepAliveMsecs: 30_000, noDelay: true, scheduling: 'lifo'} as const;
  const agent = isSecure ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
  const startRequest = isSecure ? https.request : http.request;
  const target = {
    agent,
    hostname: base.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: base.port === '' ? (isSecure ? 443 : 80) : Number(base.port),
  };
  const prefix = base.pathname.replace(/\/+$/, '');

  function send(
    method: 'GET' | 'POST',
    path: string,
    headers: OutgoingHttpHeaders,
    parts: readonly Uint8Array[],
    deadlineMs: number,
  ): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const place = `${method} ${base.origin}${prefix}${path}`;
      let timer: NodeJS.Timeout | undefined = undefined;
      let isTimedOut = false;
      const attempt = (isRetry: boolean) => {
        let hasAnswered = false;
        const request = startRequest({...target, method, path: prefix + path, headers}, response => {
          hasAnswered = true;
          const chunks: Buffer[] = [];
          let totalBytes = 0;
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            totalBytes += chunk.length;
          });
          response.on('end', () => {
            clearTimeout(timer);
            const headerLength = headerLengthFrom(response.headers[HEADER_LENGTH_FIELD]);
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: bodyFromChunks(chunks, totalBytes, headerLength),
            });
          });
          response.on('error', giveUp);
        });
        const giveUp = (error: Error) => {
          clearTimeout(timer);
          reject(isTimedOut ? timeoutError(place, deadlineMs) : unreachableError(place, error));
        };
        const fail = (error: NodeJS.ErrnoException) => {
          // The server may close an idle connection just as we use it; nothing was answered, so ask again on a new one.
          const isStale = request.reusedSocket && error.code === 'ECONNRESET' && !hasAnswered;
          if (isRetry || isTimedOut || !isStale) {
            giveUp(error);
            return;
          }
          clearTimeout(timer);
          attempt(true);
        };
        request.on('error', fail);
        timer = setTimeout(() => {
          isTimedOut = true;
          request.destroy(new Error('deadline'));
        }, deadlineMs);
        request.cork();
        for (const part of parts) request.write(part);
        request.end();
        request.uncork();
      };
      attempt(false);
    });
  }

  function requireSuccess(answer: RawAnswer, path: string): RawAnswer {
    if (answer.status >= 200 && answer.status < 300) return answer;
    const message = errorTextFrom(answer);
    throw new ExpectedError(
      'cloud-error',
      `${base.origin}${prefix}${path} answered ${answer.status}: ${message}`,
      EXIT.commandFailed,
      {
        cause: new ProtocolError(answer.status, message),
      },
    );
  }

  async function askJson<T>(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    deadlineMs = defaultDeadlineMs,
  ): Promise<T> {
    const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
    const headers = {'content-type': 'application/json', 'content-length': bytes.length};
    const answer = requireSuccess(await send(method, path, headers, [bytes], deadlineMs), path);
    const text = Buffer.from(answer.body).toString('utf8');
    try {
      return (text === '' ? {} : JSON.parse(text)) as T;
    } catch (error) {
      throw notTheProtocolError(path, error);
    }
  }

  async function asksTrue(path: string): Promise<boolean> {
    const {status} = await send('GET', path, {}, [], defaultDeadlineMs);
    return status === 200;
  }

  function notTheProtocolError(path: string, cause: unknown): ExpectedError {
    const message = `${base.origin}${prefix}${path} gave an answer that is not of the Open Inference Protocol: ${messageOf(cause)}`;
    return new ExpectedError('cloud-error', message, EXIT.commandFailed, {
      cause: new ProtocolError(502, messageOf(cause)),
    });
  }

  const modelPath = (modelName: string) => `/v2/models/${encodeURIComponent(modelName)}`;
  const repositoryPath = (modelName: string, action: string) =>
    `/v2/repository/models/${encodeURIComponent(modelName)}/${action}`;

  return {
    url,
    readJson: path => askJson<unknown>('GET', path),
    async infer(
      modelName,
      request,
      {deadlineMs = defaultDeadlineMs, isPacked = false, headers: others = {}} = {},
    ) {
      const startedNs = process.hrtime.bigint();
      const message = encodeInferRequest(request);
      const parts = isPacked ? [await packParts(message.parts)] : message.parts;
      const path = `${modelPath(modelName)}/infer`;
      const headers = {
        ...others,
        'content-type': 'application/octet-stream',
        'content-length': parts.reduce((sum, part) => sum + part.byteLength, 0),
        [HEADER_LENGTH_FIELD]: message.headerLength ?? message.totalBytes,
        ...(isPacked ? {'content-encoding': PACKING} : {}),
      };
      const answer = requireSuccess(await send('POST', path, headers, parts, deadlineMs), path);
      const wallMs = Number(process.hrtime.bigint() - startedNs) / 1e6;
      const serverTiming = timingsFromServerTiming(answer.headers['server-timing']);
      try {
        const reply = decodeInferReply(answer.body, headerLengthFrom(answer.headers[HEADER_LENGTH_FIELD]));
        return {outputs: Object.fromEntries(reply.outputs), serverTiming, wallMs, headers: answer.headers};
      } catch (error) {
        throw error instanceof ProtocolError ? notTheProtocolError(path, error) : error;
      }
    },
    isReady: () => asksTrue('/v2/health/ready'),
    isModelReady: modelName => asksTrue(`${modelPath(modelName)}/ready`),
    readServerMetadata: () => askJson('GET', '/v2'),
    readModelMetadata: modelName => askJson('GET', modelPath(modelName)),
    listModels: () => askJson('POST', '/v2/repository/index', {}),
    async loadModel(modelName, files = {}, {deadlineMs = LOAD_DEADLINE_MS} = {}) {
      const path = repositoryPath(modelName, 'load');
      const parts = encodeLoadRequest(files);
      const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
      const headers = {'content-type': 'application/json', 'content-length': length};
      requireSuccess(await send('POST', path, headers, parts, deadlineMs), path);
    },
    async unloadModel(modelName, {isRemoved = false} = {}) {
      const body = isRemoved ? {parameters: {[REMOVE_EXTENSION]: true}} : {};
      await askJson('POST', repositoryPath(modelName, 'unload'), body);
    },
    profileModel: (modelName, request, {deadlineMs = PROFILE_DEADLINE_MS} = {}) =>
      askJson('POST', `${modelPath(modelName)}/edgewise/profile`, request, deadlineMs),
    close: () => agent.destroy(),
  };
}

function errorTextFrom({body}: RawAnswer): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  try {
    const {error} = JSON.parse(text) as {error?: unknown};
    if (typeof error === 'string') return error;
  } catch {
    // Not JSON: a proxy's page, say. Show how it begins.
  }
  return text.slice(0, 200).replaceAll(/\s+/g, ' ').trim() || 'no message';
}

function timeoutError(place: string, deadlineMs: number): ExpectedError {
  return new ExpectedError(
    'cloud-timeout',
    `${place} gave no answer within ${deadlineMs} ms.`,
    EXIT.unreachable,
  );
}

function unreachableError(place: string, error: Error): ExpectedError {
  const detail = error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : error.message;
  return new ExpectedError('cloud-unreachable', `${place} failed: ${detail}.`, EXIT.unreachable, {
    cause: error,
  });
}
