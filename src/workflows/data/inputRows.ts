import type {Preprocessing, PreprocessingSteps} from '../../documents/preprocessing.ts';
import type {TensorSpec} from '../../documents/tensor.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {rowsOfArray} from '../../workspace/data/arrayRows.ts';
import {rowsOfImages, rowsOfPixels} from '../../workspace/data/imageRows.ts';
import type {RowSource} from '../../workspace/data/rowSource.ts';
import {digestOfBytes} from '../../workspace/digest.ts';
import {
  likelyPreset,
  resolvePreprocessing,
  type ResolvedPreprocessing,
} from '../preprocessing/resolvePreprocessing.ts';
import {makeRowFromImage, type RowFromImage} from '../preprocessing/rowFromImage.ts';
import type {InputSource} from './openInputs.ts';

/** One input's rows, and how they are made of images where they are. */
export interface InputRows {
  readonly input: TensorSpec;
  readonly rows: RowSource;
  readonly preprocessing: ResolvedPreprocessing | null;
}

export interface RowsOfInputs {
  readonly byInput: readonly InputRows[];
  /** Rows of the first axis that one request holds: the model's fixed batch. */
  readonly rowsPerRequest: number;
  /** What was assumed. */
  readonly notes: readonly string[];
}

/**
 * Cuts what inputs are fed from into rows. A row is a slice of the first axis where every input counts samples along it,
 * else all of an input. Images, and uint8 arrays for inputs whose preprocessing is declared, become rows by it; other
 * arrays are rows already.
 * @throws ExpectedError `wrong-input-shape`, `wrong-input-type`, `wrong-input-name` (exit 2)
 */
export function rowsOfInputs(
  sources: ReadonlyMap<TensorSpec, InputSource>,
  preprocessing: Preprocessing | undefined,
): RowsOfInputs {
  const inputs = [...sources.keys()];
  const declared = declaredSteps(inputs, preprocessing);
  const notes: string[] = [];

  const isPixels = (input: TensorSpec, source: InputSource): boolean =>
    source.kind === 'array' &&
    source.array.elementType === 'uint8' &&
    declared.has(input) &&
    (inputs.length === 1 || isPerInput(preprocessing));

  const isBatched =
    areBatched(inputs) &&
    [...sources].every(([input, source]) => {
      if (source.kind !== 'array' || isPixels(input, source)) return true;
      return source.array.shape.length === input.shape.length;
    });
  const rowShapeOf = ({shape}: TensorSpec, isImage: boolean): readonly number[] =>
    isBatched || (isImage && shape.length === 4 && shape[0] === 1) ? shape.slice(1) : shape;

  const makerOf = (input: TensorSpec): {steps: ResolvedPreprocessing; rowFromImage: RowFromImage} => {
    const rowShape = rowShapeOf(input, true);
    let own = declared.get(input);
    if (own === undefined) {
      const preset = likelyPreset(input, rowShape);
      notes.push(
        `No preprocessing is declared for input ${input.name}: "${preset}" is assumed, as fits its shape and type.`,
      );
      own = {preset};
    }
    const steps = resolvePreprocessing(input, rowShape, own);
    return {steps, rowFromImage: makeRowFromImage(input, steps)};
  };

  const rowsPerRequest = isBatched ? (inputs[0]?.shape[0] ?? 1) : 1;
  const byInput = [...sources].map(([input, source], index): InputRows => {
    switch (source.kind) {
      case 'images': {
        const {steps, rowFromImage} = makerOf(input);
        const {folder, files} = source.images;
        return {input, rows: rowsOfImages(folder, files, rowFromImage), preprocessing: steps};
      }
      case 'array': {
        if (isPixels(input, source)) {
          const {steps, rowFromImage} = makerOf(input);
          return {input, rows: rowsOfPixels(source, source.layout, rowFromImage), preprocessing: steps};
        }
        const slices = slicesPerRow(input, source, isBatched);
        return {input, rows: rowsOfArray(source, slices), preprocessing: null};
      }
      case 'random': {
        const spec = {...input, shape: rowShapeOf(input, false)};
        // What is made up can be made up for whole requests.
        const rowCount = Math.ceil(source.samples / rowsPerRequest) * rowsPerRequest;
        const rows = randomRows(spec, {rowCount, seed: source.seed}, index, inputs.length);
        return {input, rows, preprocessing: null};
      }
    }
  });
  return {byInput, rowsPerRequest, notes};
}

/** Whether the first axis of every input can count samples: they all have one, of the same size. */
function areBatched(inputs: readonly TensorSpec[]): boolean {
  const [first] = inputs;
  return first?.shape[0] !== undefined && inputs.every(({shape}) => shape[0] === first.shape[0]);
}

function isPerInput(preprocessing: Preprocessing | undefined): boolean {
  return typeof preprocessing === 'object' && preprocessing.inputs !== undefined;
}

/** Declared steps by input; without names they are for whatever input is fed images. */
export function declaredSteps(
  inputs: readonly TensorSpec[],
  preprocessing: Preprocessing | undefined,
): ReadonlyMap<TensorSpec, PreprocessingSteps> {
  if (preprocessing === undefined) return new Map();
  if (typeof preprocessing === 'string' || preprocessing.inputs === undefined) {
    const steps = typeof preprocessing === 'string' ? {preset: preprocessing} : preprocessing;
    return new Map(inputs.map(input => [input, steps]));
  }
  const named = Object.entries(preprocessing.inputs).map(([name, steps]) => {
    const input = inputs.find(candidate => candidate.name === name);
    if (input === undefined)
      throw new ExpectedError(
        'wrong-input-name',
        `Preprocessing is declared for ${name}, and the model takes ${inputs.map(known => known.name).join(', ')}.`,
        EXIT.usage,
      );
    return [input, typeof steps === 'string' ? {preset: steps} : steps] as const;
  });
  return new Map(named);
}

/** Slices of the array's first axis in one row of the input. @throws ExpectedError `wrong-input-type`, `wrong-input-shape` */
function slicesPerRow(
  input: TensorSpec,
  {name, array}: Extract<InputSource, {kind: 'array'}>,
  isBatched: boolean,
): number {
  if (array.elementType !== input.elementType)
    throw new ExpectedError(
      'wrong-input-type',
      `${name} holds ${array.elementType}; input ${input.name} takes ${input.elementType}.`,
      EXIT.usage,
      array.elementType === 'uint8'
        ? {hints: ['If these are images, set preprocessing in edgewise.yaml: imagenet, unit, …']}
        : {},
    );
  const [first = 1, ...rest] = input.shape;
  const isRowOf = (shape: readonly number[]): boolean =>
    shape.length === array.shape.length - 1 && shape.every((size, axis) => size === array.shape[axis + 1]);
  if (isBatched && isRowOf(rest)) return 1;
  // Whole inputs, stacked along an axis of their own or along their first one.
  if (!isBatched && isRowOf(input.shape)) return 1;
  if (!isBatched && input.shape.length > 0 && isRowOf(rest)) return first;
  throw new ExpectedError(
    'wrong-input-shape',
    `${name} has shape [${array.shape.join(', ')}]; input ${input.name} takes [${input.shape.join(', ')}], or several of it along the first axis.`,
    EXIT.usage,
  );
}

function randomRows(
  input: TensorSpec,
  {rowCount, seed}: {readonly rowCount: number; readonly seed: number},
  index: number,
  inputCount: number,
): RowSource {
  return {
    rowCount,
    async readRow(row) {
      // Seeds of a data set's rows and inputs follow one another; those of two data sets lie far apart.
      const rowSeed = seed * 0x10000 + row * inputCount + index;
      return randomFeeds([input], rowSeed)[input.name]?.bytes ?? new Uint8Array(0);
    },
    digest: async rows => digestOfBytes(JSON.stringify({random: seed, index, inputCount, rows})),
    close: async () => {},
  };
}
