import {join} from 'node:path';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {Layout} from '../../documents/dataSource.ts';
import {digestOfBytes, digestOfFile} from '../digest.ts';
import {digestOfArray, type NamedArray} from './arrayRows.ts';
import {decodeImage, type Image} from './decodeImage.ts';
import type {RowSource} from './rowSource.ts';

type RowFromImage = (image: Image, name: string) => Uint8Array;

/** One row per image file; a file is opened and decoded when its row is asked for, and not kept. */
export function rowsOfImages(
  folder: string,
  files: readonly string[],
  rowFromImage: RowFromImage,
): RowSource {
  const pathOf = (index: number): string => {
    const file = files[index];
    if (file === undefined) throw new RangeError(`image ${index} of ${files.length}`);
    return join(folder, file);
  };
  return {
    rowCount: files.length,
    async readRow(index) {
      const path = pathOf(index);
      return rowFromImage(await decodeImage(path), path);
    },
    async digest(rows) {
      const digests: string[] = [];
      for (const row of rows) digests.push(await digestOfFile(pathOf(row)));
      return digestOfBytes(digests.join('\n'));
    },
    close: async () => {},
  };
}

/**
 * One row per image of an array of uint8 pixels: [images, height, width], [images, height, width, channels] or
 * [images, channels, height, width], of 1 or 3 channels.
 * @throws ExpectedError `wrong-input-shape` (exit 2)
 */
export function rowsOfPixels(
  {name, file, array}: NamedArray,
  layout: Layout | undefined,
  rowFromImage: RowFromImage,
): RowSource {
  const shape = pixelShape(array.shape.slice(1), layout);
  if (shape === null)
    throw new ExpectedError(
      'wrong-input-shape',
      `${name} has shape [${array.shape.join(', ')}], which are no images of 1 or 3 channels.`,
      EXIT.usage,
    );
  return {
    rowCount: array.shape[0] ?? 0,
    async readRow(index) {
      const {bytes} = await array.readRows(index, 1);
      return rowFromImage(imageFromPixels(bytes, shape), `Image ${index} of ${name}`);
    },
    digest: () => digestOfArray({name, file}),
    close: () => array.close(),
  };
}

interface PixelShape {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly layout: Layout;
}

/** Channels last where both could be: that is how pictures lie in files. */
function pixelShape(shape: readonly number[], declared: Layout | undefined): PixelShape | null {
  const [first = 0, second = 0, third] = shape;
  if (shape.length === 2) return {height: first, width: second, channels: 1, layout: 'nhwc'};
  if (shape.length !== 3 || third === undefined) return null;
  if (declared !== 'nchw' && (third === 1 || third === 3))
    return {height: first, width: second, channels: third, layout: 'nhwc'};
  if (declared !== 'nhwc' && (first === 1 || first === 3))
    return {height: second, width: third, channels: first, layout: 'nchw'};
  return null;
}

function imageFromPixels(bytes: Uint8Array, {height, width, channels, layout}: PixelShape): Image {
  if (channels === 3 && layout === 'nhwc') return {width, height, pixels: bytes};
  const plane = height * width;
  const pixels = new Uint8Array(plane * 3);
  // A gray image's one plane is read three times.
  const [green, blue] = channels === 1 ? [0, 0] : [plane, 2 * plane];
  for (let at = 0; at < plane; at += 1) {
    pixels[at * 3] = bytes[at] as number;
    pixels[at * 3 + 1] = bytes[green + at] as number;
    pixels[at * 3 + 2] = bytes[blue + at] as number;
  }
  return {width, height, pixels};
}
