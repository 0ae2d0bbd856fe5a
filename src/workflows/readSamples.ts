import {EXIT, ExpectedError} from '../errors.ts';
import type {NamedTensors, TensorSpec} from '../documents/tensor.ts';
import {openNpy, type NpyFile} from '../workspace/npy.ts';

/** Samples for the model's inputs, cut into requests of the size the model takes. */
export interface Samples {
  readonly requestCount: number;
  /** Samples (rows of the first axis) in one request. */
  readonly samplesPerRequest: number;
  readRequest(index: number): Promise<NamedTensors>;
  close(): Promise<void>;
}

/**
 * Opens one .npy file per model input. A file holds one request, or several along its first axis.
 * @throws ExpectedError `wrong-input-name`, `wrong-input-type`, `wrong-input-shape` (exit 2) naming file, given and expected
 */
export async function openSamples(
  inputs: readonly TensorSpec[],
  files: Readonly<Record<string, string>>,
): Promise<Samples> {
  refuseWrongNames(inputs, Object.keys(files));
  const opened: {spec: TensorSpec; npy: NpyFile; rows: number}[] = [];
  const close = async (): Promise<void> => {
    for (const {npy} of opened) await npy.close();
  };
  try {
    for (const spec of inputs) {
      const file = files[spec.name] ?? '';
      const npy = await openNpy(file);
      opened.push({spec, npy, rows: spec.shape[0] ?? 1});
      refuseWrongTensor(spec, npy, file);
    }
    const counts = opened.map(({npy, rows}) => Math.floor((npy.shape[0] ?? 0) / rows));
    const requestCount = Math.min(...counts);
    return {
      requestCount,
      samplesPerRequest: opened[0]?.rows ?? 1,
      async readRequest(index) {
        const entries = opened.map(async ({spec, npy, rows}) => {
          const tensor = await npy.readRows(index * rows, rows);
          return [spec.name, {...tensor, shape: spec.shape}] as const;
        });
        return Object.fromEntries(await Promise.all(entries));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function refuseWrongNames(inputs: readonly TensorSpec[], given: readonly string[]): void {
  const wanted = inputs.map(({name}) => name);
  const unknown = given.find(name => !wanted.includes(name));
  const missing = wanted.find(name => !given.includes(name));
  if (unknown === undefined && missing === undefined) return;
  throw new ExpectedError(
    'wrong-input-name',
    unknown === undefined
      ? `Input ${missing ?? ''} is not given; the model takes ${wanted.join(', ')}.`
      : `The model has no input ${unknown}; it takes ${wanted.join(', ')}.`,
    EXIT.usage,
    {hints: wanted.map(name => `--input ${name}=FILE.npy`).slice(0, 3)},
  );
}

function refuseWrongTensor(spec: TensorSpec, npy: NpyFile, file: string): void {
  if (npy.elementType !== spec.elementType) {
    throw new ExpectedError(
      'wrong-input-type',
      `${file} holds ${npy.elementType}; input ${spec.name} takes ${spec.elementType}.`,
      EXIT.usage,
    );
  }
  const [rows = 1, ...rest] = spec.shape;
  const [given = 0, ...givenRest] = npy.shape;
  const isMultiple = given >= rows && given % rows === 0;
  if (isMultiple && rest.length === givenRest.length && rest.every((size, axis) => size === givenRest[axis]))
    return;
  throw new ExpectedError(
    'wrong-input-shape',
    `${file} has shape [${npy.shape.join(', ')}]; input ${spec.name} takes [${spec.shape.join(', ')}], or several of it along the first axis.`,
    EXIT.usage,
  );
}
