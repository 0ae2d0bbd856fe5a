import type {DataSource} from '../documents/dataSource.ts';
import type {Preprocessing} from '../documents/preprocessing.ts';
import type {NamedTensors, Tensor, TensorSpec} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {readClassNames} from '../workspace/data/classNames.ts';
import {sniffData} from '../workspace/data/sniffData.ts';
import {digestOfBytes} from '../workspace/digest.ts';
import {rowsOfInputs, type InputRows} from './data/inputRows.ts';
import {openInputs, type InputSource, type OpenedInputs} from './data/openInputs.ts';
import {labelsOfArray, readLabels, requireCount, type Classes} from './data/readLabels.ts';
import {splitSamples} from './splitSamples.ts';

/** Samples for a model's inputs, read one request at a time, however many there are. */
export interface DataSet {
  /** Samples that are used: whole requests of them. */
  readonly sampleCount: number;
  readonly requestCount: number;
  /** The model's fixed batch. */
  readonly rowsPerRequest: number;
  /** Made up: they say nothing about accuracy, and a build made with them must say so. */
  readonly isRandom: boolean;
  /** Class per sample. */
  readonly labels: readonly number[] | null;
  /** What was assumed or left out, for the user. */
  readonly notes: readonly string[];
  /** Of everything that the requests are made of: files' contents, preprocessing, choice and order of samples, labels. */
  digest(): Promise<string>;
  /** Samples index · rowsPerRequest and on, of the inputs' own shapes; the bytes belong to the caller. */
  readRequest(index: number): Promise<NamedTensors>;
  /** These samples only, in this order; closed with the data set it comes from. */
  subset(samples: readonly number[]): DataSet;
  close(): Promise<void>;
}

export interface DataSetOptions {
  readonly preprocessing?: Preprocessing | undefined;
  /** From a path as written to one that can be opened. */
  readonly resolve?: (path: string) => string;
  /** Classes of the model's answer, where labels are to be compared with it. */
  readonly classCount?: number | null;
}

/**
 * Opens samples for a model whose shapes are fixed. What a path holds is seen from its content.
 * @throws ExpectedError `no-such-file`, `no-samples`, `data-unrecognised`, `wrong-input-name`, `wrong-input-type`,
 * `wrong-input-shape`, `labels-mismatch` (exit 2), `npz-unreadable` and what .npy files can be (exit 10); from
 * `readRequest` also `image-unreadable`, `data-not-finite`
 */
export async function openDataSet(
  source: DataSource,
  inputs: readonly TensorSpec[],
  options: DataSetOptions = {},
): Promise<DataSet> {
  const resolve = options.resolve ?? (path => path);
  const given = typeof source === 'string' ? {path: source} : source;
  const classes: Classes = {
    names: given.classes === undefined ? null : await readClassNames(resolve(given.classes)),
    count: options.classCount ?? null,
  };
  const labelFile = await labelListOf(given.labels, resolve);
  const opened =
    given.random === undefined
      ? await openInputs(given.inputs ?? given.path ?? '', inputs, {resolve, classes, labelFile})
      : randomInputs(inputs, {seed: 0, ...given.random});
  try {
    const rows = rowsOfInputs(opened.byInput, options.preprocessing);
    const count = commonCount(rows.byInput);
    const images = [...opened.byInput.values()].flatMap(input =>
      input.kind === 'images' ? [input.images] : [],
    );
    const labels = await labelsFor(given.labels, {images, opened, count, classes, resolve, labelFile});
    const chosen = chooseSamples(count, given, labels);
    return composeDataSet({
      ...rows,
      chosen,
      labels,
      isRandom: given.random !== undefined,
      notes: [...images.flatMap(({notes}) => notes), ...rows.notes],
      close: () => opened.close(),
    });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

type GivenSource = Exclude<DataSource, string>;

/** The labels' file when it is a list, which can label images by name. */
async function labelListOf(
  labels: GivenSource['labels'],
  resolve: (path: string) => string,
): Promise<string | null> {
  if (typeof labels !== 'string') return null;
  const path = resolve(labels);
  return (await sniffData(path)) === 'list' ? path : null;
}

function randomInputs(
  inputs: readonly TensorSpec[],
  {samples, seed = 0}: NonNullable<GivenSource['random']>,
): OpenedInputs {
  const source: InputSource = {kind: 'random', samples, seed};
  return {
    byInput: new Map(inputs.map(input => [input, source])),
    labels: null,
    close: async () => {},
  };
}

/** @throws ExpectedError `wrong-input-shape` when the inputs have different numbers of samples */
function commonCount(byInput: readonly InputRows[]): number {
  const [first, ...others] = byInput;
  const count = first?.rows.rowCount ?? 0;
  const other = others.find(({rows}) => rows.rowCount !== count);
  if (other === undefined) return count;
  throw new ExpectedError(
    'wrong-input-shape',
    `There are ${count} samples for input ${first?.input.name ?? ''} and ${other.rows.rowCount} for input ${other.input.name}.`,
    EXIT.usage,
  );
}

async function labelsFor(
  source: GivenSource['labels'],
  found: {
    images: readonly {labels: readonly number[] | null}[];
    opened: OpenedInputs;
    count: number;
    classes: Classes;
    resolve: (path: string) => string;
    labelFile: string | null;
  },
): Promise<readonly number[] | null> {
  const {images, opened, count, classes} = found;
  const ofImages = images.find(({labels}) => labels !== null)?.labels ?? null;
  if (source !== undefined && (found.labelFile === null || images.length === 0))
    return readLabels(source, found.resolve, count, classes);
  if (ofImages !== null) return ofImages;
  if (opened.labels === null) return null;
  requireCount(opened.labels.array.shape[0] ?? 0, count, opened.labels.name);
  return labelsOfArray(opened.labels.array, opened.labels.name, count, classes);
}

function chooseSamples(
  count: number,
  {samples, seed}: GivenSource,
  labels: readonly number[] | null,
): readonly number[] {
  if (samples !== undefined && seed !== undefined)
    return splitSamples(count, {calibration: samples, heldOut: 0, seed, labels}).calibration;
  return Array.from({length: Math.min(count, samples ?? count)}, (_, index) => index);
}

interface DataSetParts {
  readonly byInput: readonly InputRows[];
  readonly rowsPerRequest: number;
  readonly chosen: readonly number[];
  readonly labels: readonly number[] | null;
  readonly isRandom: boolean;
  readonly notes: readonly string[];
  readonly close: () => Promise<void>;
}

/** @throws ExpectedError `no-samples` when there are too few for one request */
function composeDataSet(parts: DataSetParts): DataSet {
  const {byInput, rowsPerRequest, chosen} = parts;
  const requestCount = Math.floor(chosen.length / rowsPerRequest);
  if (requestCount === 0)
    throw new ExpectedError(
      'no-samples',
      `There are ${chosen.length} samples; one request of the model takes ${rowsPerRequest}.`,
      EXIT.usage,
    );
  const used = chosen.slice(0, requestCount * rowsPerRequest);
  const leftOver = chosen.length - used.length;
  const labels = parts.labels === null ? null : used.map(row => parts.labels?.[row] ?? 0);

  const readInput = async ({input, rows}: InputRows, index: number): Promise<Tensor> => {
    const wanted = used.slice(index * rowsPerRequest, (index + 1) * rowsPerRequest);
    const parts: Uint8Array[] = [];
    // One after the other: a batch of decoded photographs would not fit where one does.
    for (const row of wanted) parts.push(await rows.readRow(row));
    const [only] = parts;
    const bytes = only !== undefined && parts.length === 1 ? only : new Uint8Array(Buffer.concat(parts));
    return {elementType: input.elementType, shape: input.shape, bytes};
  };

  return {
    sampleCount: used.length,
    requestCount,
    rowsPerRequest,
    isRandom: parts.isRandom,
    labels,
    notes:
      leftOver === 0
        ? parts.notes
        : [
            ...parts.notes,
            `${leftOver} of ${chosen.length} samples are left out: the model takes ${rowsPerRequest} at a time.`,
          ],
    async digest() {
      const inputs = [];
      for (const {input, rows, preprocessing} of byInput)
        inputs.push({input, content: await rows.digest(used), preprocessing});
      return digestOfBytes(JSON.stringify({inputs, rowsPerRequest, used, labels}));
    },
    async readRequest(index) {
      if (index < 0 || index >= requestCount) throw new RangeError(`request ${index} of ${requestCount}`);
      const tensors: [string, Tensor][] = [];
      for (const rows of byInput) tensors.push([rows.input.name, await readInput(rows, index)]);
      return Object.fromEntries(tensors);
    },
    subset: samples =>
      composeDataSet({
        ...parts,
        chosen: samples.map(sample => {
          const row = used[sample];
          if (row === undefined) throw new RangeError(`sample ${sample} of ${used.length}`);
          return row;
        }),
        close: async () => {},
      }),
    close: parts.close,
  };
}
