import type {ArrayFileSource} from '../../documents/dataSource.ts';
import type {Tensor} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {ArrayFile} from '../../workspace/data/arrayFile.ts';
import {readLabelList, type ListedFile} from '../../workspace/data/labelList.ts';
import {sniffData} from '../../workspace/data/sniffData.ts';
import {openNpy} from '../../workspace/npy.ts';
import {openArrayFile} from './openArrayFile.ts';

/** What turns a label as it is written into a class. */
export interface Classes {
  /** Class by name; `null` when no names were given. */
  readonly names: ReadonlyMap<string, number> | null;
  /** How many classes the model has, where that is known. */
  readonly count: number | null;
}

/** @throws ExpectedError `labels-mismatch` (exit 2): `place` is where the label stands, `labels.csv:7` */
export function classOfLabel(text: string, place: string, classes: Classes): number {
  const named = classes.names?.get(text);
  if (named === undefined && !/^\d+$/.test(text))
    throw mismatch(
      `${place}: "${text}" is no class number${classes.names === null ? '' : ', and no name of a class'}.`,
      ['Name the classes, one per line, in a file: classes: FILE in edgewise.yaml.'],
    );
  return checkedClass(named ?? Number(text), place, classes);
}

function checkedClass(label: number, place: string, {count}: Classes): number {
  if (label >= 0 && (count === null || label < count)) return label;
  throw mismatch(
    `${place}: there is no class ${label}; ${count === null ? 'classes count from 0' : `the model has classes 0 to ${count - 1}`}.`,
  );
}

/**
 * One label per sample, in the samples' order: of a list, its lines; of an array, its elements.
 * @throws ExpectedError `labels-mismatch` (exit 2) when they are no classes, or not as many as there are samples
 */
export async function readLabels(
  source: string | ArrayFileSource,
  resolve: (path: string) => string,
  sampleCount: number,
  classes: Classes,
): Promise<number[]> {
  const path = resolve(typeof source === 'string' ? source : source.file);
  if (typeof source === 'string' && (await sniffData(path)) === 'list') {
    const lines = await readLabelList(path);
    requireCount(lines.length, sampleCount, path);
    return lines.map(({file, label, line}) => classOfLabel(label ?? file, `${path}:${line}`, classes));
  }
  const array = typeof source === 'string' ? await openNpy(path) : await openArrayFile(source, path);
  return labelsOfArray(array, path, sampleCount, classes);
}

/** Closes the array. @throws ExpectedError `labels-mismatch` (exit 2) */
export async function labelsOfArray(
  array: ArrayFile,
  name: string,
  sampleCount: number,
  classes: Classes,
): Promise<number[]> {
  try {
    const [count = 0, ...others] = array.shape;
    if (!isLabelArray(array))
      throw mismatch(
        `${name} holds ${array.elementType} of shape [${array.shape.join(', ')}]; labels are whole numbers, one per sample.`,
        others.length > 0 ? ['Of one-hot labels, save numpy.argmax(labels, axis=1).'] : [],
      );
    requireCount(count, sampleCount, name);
    return integersOf(await array.readRows(0, count)).map((label, index) =>
      checkedClass(label, `${name}, label ${index}`, classes),
    );
  } finally {
    await array.close();
  }
}

/** Whole numbers of shape [n] or [n, 1]. */
export function isLabelArray({elementType, shape}: ArrayFile): boolean {
  return /^u?int\d+$/.test(elementType) && shape.slice(1).every(size => size === 1);
}

export function requireCount(labels: number, samples: number, name: string): void {
  if (labels !== samples) throw mismatch(`${name} has ${labels} labels for ${samples} samples.`);
}

/**
 * The label of each image by its name: every image has one, every line has its image.
 * @throws ExpectedError `labels-mismatch` (exit 2)
 */
export function labelsOfImages(
  images: readonly string[],
  lines: readonly ListedFile[],
  listName: string,
  classes: Classes,
): number[] {
  const byFile = new Map<string, ListedFile>();
  for (const line of lines) {
    const file = line.file.replace(/^\.\//, '');
    if (byFile.has(file)) throw mismatch(`${listName}:${line.line}: ${file} is listed a second time.`);
    byFile.set(file, line);
  }
  const labels = images.map(image => {
    const line = byFile.get(image);
    byFile.delete(image);
    if (line === undefined || line.label === null) throw mismatch(`${listName} has no label for ${image}.`);
    return classOfLabel(line.label, `${listName}:${line.line}`, classes);
  });
  const [left] = byFile.values();
  if (left !== undefined) throw mismatch(`${listName}:${left.line}: there is no image ${left.file}.`);
  return labels;
}

function integersOf({elementType, bytes}: Tensor): number[] {
  const {buffer} = new Uint8Array(bytes);
  switch (elementType) {
    case 'uint8':
      return [...new Uint8Array(buffer)];
    case 'int8':
      return [...new Int8Array(buffer)];
    case 'uint16':
      return [...new Uint16Array(buffer)];
    case 'int16':
      return [...new Int16Array(buffer)];
    case 'uint32':
      return [...new Uint32Array(buffer)];
    case 'int32':
      return [...new Int32Array(buffer)];
    case 'uint64':
      return Array.from(new BigUint64Array(buffer), Number);
    case 'int64':
      return Array.from(new BigInt64Array(buffer), Number);
    default:
      throw new RangeError(`labels of type ${elementType}`);
  }
}

export function mismatch(message: string, hints: readonly string[] = []): ExpectedError {
  return new ExpectedError('labels-mismatch', message, EXIT.usage, {hints});
}
