import {existsSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {EXIT, ExpectedError} from '../../errors.ts';
import {isImageName, listImages} from '../../workspace/data/imageFiles.ts';
import {readLabelList} from '../../workspace/data/labelList.ts';
import type {DataKind} from '../../workspace/data/sniffData.ts';
import {classOfLabel, labelsOfImages, mismatch, type Classes} from './readLabels.ts';

/** Image files in a stable order, with the labels that their place gives them. */
export interface ImageList {
  /** What the files' names are relative to. */
  readonly folder: string;
  readonly files: readonly string[];
  readonly labels: readonly number[] | null;
  /** What was decided about them and may surprise. */
  readonly notes: readonly string[];
}

/** Beside the images of a folder it labels them, without being named. */
const LABEL_FILE = 'labels.csv';

/**
 * The images of a folder, of a list (CSV, TSV, TXT), or a single one. `labelFile` is a list that labels a folder's
 * images by name; without one a labels.csv in the folder does, or else folders named after classes.
 * @throws ExpectedError `no-samples`, `labels-mismatch` (exit 2)
 */
export async function openImages(
  path: string,
  kind: Extract<DataKind, 'folder' | 'image' | 'list'>,
  classes: Classes,
  labelFile: string | null,
): Promise<ImageList> {
  const images =
    kind === 'folder'
      ? await imagesOfFolder(path, classes, labelFile === null)
      : kind === 'list'
        ? await imagesOfList(path, classes)
        : {folder: dirname(path), files: [basename(path)], labels: null, notes: []};
  if (images.files.length === 0)
    throw new ExpectedError(
      'no-samples',
      `${path} ${kind === 'folder' ? 'holds' : 'names'} no images.`,
      EXIT.usage,
      {
        hints: [
          'Images are files named .jpg, .png, .webp, .gif, .tif or .avif; arrays are .npy or .npz files.',
        ],
      },
    );
  if (labelFile === null) return images;
  const labels = labelsOfImages(images.files, await readLabelList(labelFile), labelFile, classes);
  return {...images, labels, notes: []};
}

async function imagesOfFolder(
  folder: string,
  classes: Classes,
  areLabelsWanted: boolean,
): Promise<ImageList> {
  const files = await listImages(folder);
  const listed = join(folder, LABEL_FILE);
  if (!areLabelsWanted || files.length === 0) return {folder, files, labels: null, notes: []};
  if (existsSync(listed)) {
    const labels = labelsOfImages(files, await readLabelList(listed), listed, classes);
    return {folder, files, labels, notes: []};
  }
  return {folder, files, ...labelsOfFolders(folder, files, classes)};
}

/**
 * A folder per class: named after it where classes have names, by its number, or else in the order of the names, as
 * torchvision's ImageFolder counts. That order means something only where every class has its folder.
 */
function labelsOfFolders(
  folder: string,
  files: readonly string[],
  classes: Classes,
): Pick<ImageList, 'labels' | 'notes'> {
  const folders = files.map(file => (file.includes('/') ? file.slice(0, file.indexOf('/')) : null));
  const names = [...new Set(folders)];
  if (names.includes(null)) {
    const isMixed = names.length > 1 && classes.names !== null;
    if (isMixed) throw mismatch(`${folder} holds images beside the folders of its classes.`);
    return {labels: null, notes: []};
  }
  const byNumber = names.every(name => name !== null && /^\d+$/.test(name));
  if (classes.names !== null || byNumber) {
    const classOf = new Map(
      names.map(name => [name, classOfLabel(name ?? '', join(folder, name ?? ''), classes)]),
    );
    return {labels: folders.map(name => classOf.get(name) ?? 0), notes: []};
  }
  if (classes.count !== null && classes.count !== names.length)
    return {
      labels: null,
      notes: [
        `${folder} has ${names.length} folders and the model ${classes.count} classes: which is which is not known, so the images count as unlabelled. A file of class names (classes: FILE) tells.`,
      ],
    };
  return {labels: folders.map(name => names.indexOf(name)), notes: []};
}

async function imagesOfList(path: string, classes: Classes): Promise<ImageList> {
  const folder = dirname(path);
  const lines = await readLabelList(path);
  for (const {file, line} of lines) {
    if (!isImageName(file) || !existsSync(join(folder, file)))
      throw mismatch(`${path}:${line}: there is no image ${join(folder, file)}.`, [
        'Name images relative to the list, as file,label.',
      ]);
  }
  const unlabelled = lines.find(({label}) => label === null);
  if (unlabelled !== undefined && lines.some(({label}) => label !== null))
    throw mismatch(`${path}:${unlabelled.line}: there is no label.`);
  const labels =
    unlabelled === undefined
      ? lines.map(({label, line}) => classOfLabel(label ?? '', `${path}:${line}`, classes))
      : null;
  return {folder, files: lines.map(({file}) => file), labels, notes: []};
}
