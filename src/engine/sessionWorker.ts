// The thread that ONNX Runtime runs in. Loading and running block it; the main thread stays free to answer.
import {parentPort, workerData} from 'node:worker_threads';
import type * as Runtime from 'onnxruntime-node';
import type {InferenceSession} from 'onnxruntime-node';
import {ELEMENT_TYPES, elementTypeFromOnnxCode} from '../documents/elementTypes.ts';
import {ExpectedError, messageOf} from '../errors.ts';
import {checkFeeds} from './checkFeeds.ts';
import {elementTypeFromOrt, ortTensorFromTensor, tensorFromOrtTensor, WrongInputError} from './ortTensors.ts';
import type {SignatureTensor} from './signature.ts';
import {timeLayers} from './timeLayers.ts';
import {canCrossBoundary} from './typedViews.ts';
import type {
  FailureKind,
  Optimization,
  SessionOptions,
  TensorPairs,
  WorkerOperation,
  WorkerReplies,
  WorkerReplyMessage,
  WorkerRequestMessage,
  WorkerRequests,
  WorkerStart,
} from './workerMessages.ts';

class Failure extends Error {
  readonly kind: FailureKind;
  readonly code: string | undefined;
  constructor(kind: FailureKind, message: string, code?: string) {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

// Where Node has Float16Array (24 and later), onnxruntime-common hands half-precision data to the native binding in it,
// and the binding of 1.30 takes that for an empty tensor. This thread is only the engine's: hide it.
Reflect.deleteProperty(globalThis, 'Float16Array');

const {stop} = workerData as WorkerStart;

/** Whoever asked has been told already: nothing new is begun. */
function refuseWhenStopped(): void {
  if (Atomics.load(stop, 0) !== 0) throw new Failure('run', 'the session was closed');
}

let runtime: typeof Runtime | null = null;
let session: InferenceSession | null = null;

async function loadRuntime(): Promise<typeof Runtime> {
  if (runtime !== null) return runtime;
  try {
    runtime = await import('onnxruntime-node');
  } catch (error) {
    throw new Failure('runtime-missing', messageOf(error));
  }
  // What goes wrong comes back as an exception; the native library must not write on stderr besides.
  runtime.env.logLevel = 'fatal';
  return runtime;
}

/** The same options wherever a model runs or is timed, so that a measured time is the time that is served. */
function sessionOptionsFrom(options: SessionOptions): InferenceSession.SessionOptions {
  const spinning = options.isSpinning === true ? '1' : '0';
  return {
    executionProviders: ['cpu'],
    graphOptimizationLevel: options.optimization,
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    enableCpuMemArena: options.isSparing !== true,
    logSeverityLevel: 4,
    extra: {
      session: {
        intra_op: {allow_spinning: spinning},
        inter_op: {allow_spinning: '0'},
      },
    },
  };
}

async function load(
  model: {path: string} | {bytes: Uint8Array},
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  const {InferenceSession: Loader} = await loadRuntime();
  try {
    return await ('path' in model ? Loader.create(model.path, options) : Loader.create(model.bytes, options));
  } catch (error) {
    const message = messageOf(error);
    const code = /Unsupported data type: (\d+)/.exec(message)?.[1];
    if (code === undefined) throw new Failure('load', message);
    const type = elementTypeFromOnnxCode(Number(code)) ?? `type ${code}`;
    throw new Failure(
      'unsupported-type',
      `an input or output is ${type}, which cannot be exchanged with ONNX Runtime.`,
    );
  }
}

function signatureFrom(metadata: readonly InferenceSession.ValueMetadata[], role: string): SignatureTensor[] {
  return metadata.map(value => {
    const elementType = value.isTensor ? elementTypeFromOrt(value.type) : undefined;
    if (!value.isTensor || elementType === undefined || !canCrossBoundary(elementType)) {
      const type = value.isTensor ? value.type : 'not a tensor';
      throw new Failure(
        'unsupported-type',
        `${role} "${value.name}" is ${type}, which cannot be exchanged with ONNX Runtime.`,
      );
    }
    const shape = value.shape.map(dimension => (dimension === '' ? null : dimension));
    return {name: value.name, elementType, shape};
  });
}

async function feedsFrom(pairs: TensorPairs): Promise<Record<string, Runtime.Tensor>> {
  const {Tensor: TensorClass} = await loadRuntime();
  try {
    return Object.fromEntries(
      pairs.map(([name, tensor]) => [name, ortTensorFromTensor(TensorClass, name, tensor)]),
    );
  } catch (error) {
    if (error instanceof WrongInputError) throw new Failure('wrong-input', error.message, 'wrong-input-type');
    throw error;
  }
}

/** For sessions that the main thread has not seen the inputs of. */
function checkedFeeds(opened: InferenceSession, pairs: TensorPairs): TensorPairs {
  try {
    return checkFeeds(signatureFrom(opened.inputMetadata, 'input'), Object.fromEntries(pairs));
  } catch (error) {
    if (error instanceof ExpectedError) throw new Failure('wrong-input', error.message, error.code);
    throw error;
  }
}

async function attemptRun<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Failure ? error : new Failure('run', messageOf(error));
  }
}

async function runSession(
  opened: InferenceSession,
  feeds: TensorPairs,
): Promise<WorkerReplies['run'][number]> {
  const ortFeeds = await feedsFrom(feeds);
  const {results, computeMs} = await attemptRun(async () => {
    const startedNs = process.hrtime.bigint();
    const results = await opened.run(ortFeeds);
    return {results, computeMs: Number(process.hrtime.bigint() - startedNs) / 1e6};
  });
  return {outputs: opened.outputNames.map(name => [name, tensorFromOrtTensor(results[name]!)]), computeMs};
}

/** Smaller ones are left to the collector. */
const FREED_BYTES = 2 ** 16;

/** What was sent here is this thread's own. Left lying, inputs of dozens of runs pile up before anything collects them. */
function freeLarge(feeds: TensorPairs): void {
  const buffers = new Set(feeds.map(([, {bytes}]) => bytes.buffer));
  for (const buffer of buffers)
    if (buffer instanceof ArrayBuffer && buffer.byteLength >= FREED_BYTES) buffer.transfer(0);
}

const operations: {[K in WorkerOperation]: (request: WorkerRequests[K]) => Promise<WorkerReplies[K]>} = {
  async open({model, options}) {
    session = await load(model, sessionOptionsFrom(options));
    return {
      inputs: signatureFrom(session.inputMetadata, 'input'),
      outputs: signatureFrom(session.outputMetadata, 'output'),
      version: (await loadRuntime()).env.versions.node ?? 'unknown',
    };
  },

  async run({runs}) {
    const opened = session;
    if (opened === null) throw new Error('run before open');
    const replies: WorkerReplies['run'] = [];
    for (const feeds of runs) {
      refuseWhenStopped();
      replies.push(await runSession(opened, feeds));
      freeLarge(feeds);
    }
    return replies;
  },

  async release() {
    const opened = session;
    session = null;
    await opened?.release();
    return null;
  },

  async optimize({model, outputPath, level, weightsFile}) {
    const options: InferenceSession.SessionOptions = {
      ...sessionOptionsFrom({optimization: level, threads: 1}),
      optimizedModelFilePath: outputPath,
      ...(weightsFile === null
        ? {}
        : {extra: {session: {optimized_model_external_initializers_file_name: weightsFile}}}),
    };
    await (await load(model, options)).release();
    return null;
  },

  async trace({path, feeds}) {
    const traced = await load({path}, sessionOptionsFrom({optimization: 'disabled', threads: 1}));
    try {
      const ortFeeds = await feedsFrom(checkedFeeds(traced, feeds));
      // A 4-bit output would abort the whole process; sequences and maps have no shape to report.
      const names = traced.outputMetadata.flatMap(value =>
        value.isTensor && ELEMENT_TYPES.some(type => type === value.type && canCrossBoundary(type))
          ? [value.name]
          : [],
      );
      const results = await attemptRun(() => traced.run(ortFeeds, names));
      return names.map(name => {
        const {type, dims} = results[name]!;
        return [name, {elementType: type, shape: [...dims]}];
      });
    } finally {
      await traced.release();
    }
  },

  async profile({path, feeds, runs, warmUps, threads}) {
    const options = sessionOptionsFrom({optimization: 'disabled' satisfies Optimization, threads});
    return attemptRun(() =>
      timeLayers(
        extraOptions => load({path}, {...options, ...extraOptions}),
        opened => feedsFrom(checkedFeeds(opened, feeds)),
        {runs, warmUps},
      ),
    );
  },
};

async function answer({id, operation, request}: WorkerRequestMessage): Promise<void> {
  try {
    refuseWhenStopped();
    const reply = await operations[operation](request as never);
    const buffers =
      operation === 'run'
        ? (reply as WorkerReplies['run']).flatMap(({outputs}) =>
            outputs.map(([, tensor]) => tensor.bytes.buffer),
          )
        : [];
    post({id, reply}, [...new Set(buffers)] as ArrayBuffer[]);
  } catch (error) {
    const kind = error instanceof Failure ? error.kind : 'run';
    const code = error instanceof Failure ? error.code : undefined;
    post({id, failure: {kind, message: messageOf(error), ...(code === undefined ? {} : {code})}});
  }
}

function post(message: WorkerReplyMessage, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

// One after the other, else the time of one run would include waiting for the run before it.
let last: Promise<void> = Promise.resolve();
parentPort?.on('message', (message: WorkerRequestMessage) => {
  last = last.then(() => answer(message));
});
