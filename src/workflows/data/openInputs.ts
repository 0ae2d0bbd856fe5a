import type {ArrayFileSource, Layout} from '../../documents/dataSource.ts';
import type {TensorSpec} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {NamedArray} from '../../workspace/data/arrayRows.ts';
import {openNpz} from '../../workspace/data/npz.ts';
import {sniffData} from '../../workspace/data/sniffData.ts';
import {openNpy} from '../../workspace/npy.ts';
import {openArrayFile} from './openArrayFile.ts';
import {openImages, type ImageList} from './openImages.ts';
import {isLabelArray, type Classes} from './readLabels.ts';

/** What one input is fed from. */
export type InputSource =
  | {readonly kind: 'images'; readonly images: ImageList}
  | ({readonly kind: 'array'; readonly layout: Layout | undefined} & NamedArray)
  | {readonly kind: 'random'; readonly samples: number; readonly seed: number};

export interface OpenedInputs {
  readonly byInput: ReadonlyMap<TensorSpec, InputSource>;
  /** Labels that lie beside the inputs in an .npz archive. */
  readonly labels: NamedArray | null;
  close(): Promise<void>;
}

/** Names under which people put labels beside their samples. */
const LABEL_NAMES = ['labels', 'label', 'y'];

/**
 * Opens everything that a model is fed from: one place for all inputs, or each input's own.
 * @throws ExpectedError `wrong-input-name`, `no-such-file`, `data-unrecognised`, `no-samples`, and what the files' own
 * readers throw; nothing is left open then
 */
export async function openInputs(
  source: string | Readonly<Record<string, string | ArrayFileSource>>,
  inputs: readonly TensorSpec[],
  {
    resolve,
    classes,
    labelFile,
  }: {
    resolve: (path: string) => string;
    classes: Classes;
    /** A list that labels images by name. */
    labelFile: string | null;
  },
): Promise<OpenedInputs> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne();
  };
  const track = (name: string, file: string, array: NamedArray['array']): NamedArray => {
    closers.push(() => array.close());
    return {name, file, array};
  };

  const openArchive = async (path: string): Promise<OpenedInputs> => {
    const archive = await openNpz(path);
    closers.push(() => archive.close());
    const open = async (name: string): Promise<NamedArray> =>
      track(`${path}/${name}.npy`, path, await archive.openArray(name));
    const byInput = new Map<TensorSpec, InputSource>();
    for (const input of inputs) {
      const name = arrayOfInput(input, inputs, archive.names, path);
      byInput.set(input, {kind: 'array', layout: undefined, ...(await open(name))});
    }
    const labelName = LABEL_NAMES.find(
      name => archive.names.includes(name) && !inputs.some(input => input.name === name),
    );
    const labels = labelName === undefined ? null : await open(labelName);
    const areLabels = labels !== null && (labelName !== 'y' || isLabelArray(labels.array));
    return {byInput, labels: areLabels ? labels : null, close};
  };

  const openOne = async (given: string | ArrayFileSource): Promise<InputSource> => {
    const path = resolve(typeof given === 'string' ? given : given.file);
    if (typeof given !== 'string') {
      return {kind: 'array', layout: given.layout, ...track(path, path, await openArrayFile(given, path))};
    }
    const kind = await sniffData(path);
    if (kind === 'npy') return {kind: 'array', layout: undefined, ...track(path, path, await openNpy(path))};
    if (kind === 'npz')
      throw new ExpectedError(
        'data-unrecognised',
        `${path} is an archive; one input takes one array.`,
        EXIT.usage,
        {
          hints: [`Give the archive for all inputs: path: ${path}`],
        },
      );
    return {kind: 'images', images: await openImages(path, kind, classes, labelFile)};
  };

  try {
    if (typeof source === 'string') {
      const path = resolve(source);
      if ((await sniffData(path)) === 'npz') return await openArchive(path);
      return {byInput: new Map([[onlyInput(inputs, path), await openOne(source)]]), labels: null, close};
    }
    refuseWrongNames(inputs, Object.keys(source));
    const byInput = new Map<TensorSpec, InputSource>();
    for (const input of inputs) byInput.set(input, await openOne(source[input.name] ?? ''));
    return {byInput, labels: null, close};
  } catch (error) {
    await close();
    throw error;
  }
}

/** The array of the input's name; for an only input, the only array beside labels, whatever its name. */
function arrayOfInput(
  input: TensorSpec,
  inputs: readonly TensorSpec[],
  names: readonly string[],
  path: string,
): string {
  if (names.includes(input.name)) return input.name;
  const others = names.filter(name => !LABEL_NAMES.includes(name));
  const [only] = others;
  if (inputs.length === 1 && others.length === 1 && only !== undefined) return only;
  throw new ExpectedError(
    'wrong-input-name',
    `${path} has no array for input ${input.name}; it has ${names.join(', ') || 'none'}.`,
    EXIT.usage,
    {hints: [`numpy.savez(FILE, ${inputs.map(({name}) => `${name}=…`).join(', ')})`]},
  );
}

function onlyInput(inputs: readonly TensorSpec[], path: string): TensorSpec {
  const [only] = inputs;
  if (only !== undefined && inputs.length === 1) return only;
  throw new ExpectedError(
    'wrong-input-name',
    `${path} is for one input; the model takes ${inputs.map(({name}) => name).join(', ')}.`,
    EXIT.usage,
    {hints: ['Give an .npz with an array per input, or each input its own under inputs in edgewise.yaml.']},
  );
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
