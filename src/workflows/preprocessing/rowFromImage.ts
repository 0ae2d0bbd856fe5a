import type {TensorSpec} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {halfFromFloat} from '../../model/halfPrecision.ts';
import type {Image} from '../../workspace/data/decodeImage.ts';
import {placeImage} from './placeImage.ts';
import type {ResolvedPreprocessing} from './resolvePreprocessing.ts';

/** The bytes of one row of the input, made of an image; `name` is for messages. */
export type RowFromImage = (image: Image, name: string) => Uint8Array;

/** The 256 values that a pixel can become in one channel. */
type ValueTable = Float32Array | Uint16Array | Uint8Array | Int8Array;

/** What a row is made of; float16 as bits, because Float16Array is not everywhere. */
const ROWS = {float32: Float32Array, float16: Uint16Array, uint8: Uint8Array, int8: Int8Array} as const;

/** Which of a pixel's three bytes a channel is made of. */
const SOURCES = {rgb: [0, 1, 2], bgr: [2, 1, 0], gray: [0]} as const;

/**
 * Prepares the way from an image to the model's values. Values are computed in double precision and rounded once.
 * @throws ExpectedError `wrong-input-type` (exit 2) when an integer input would get fractions or values out of range
 */
export function makeRowFromImage(input: TensorSpec, steps: ResolvedPreprocessing): RowFromImage {
  const sources = SOURCES[steps.channelOrder];
  const channels = sources.length;
  const tables = sources.map((_, channel) => makeTable(input, steps, channel));
  const plane = steps.height * steps.width;
  return (image, name) => {
    // Before resizing, as image.convert('L').resize(…): the other order rounds differently.
    const {pixels} = placeImage(steps.channelOrder === 'gray' ? grayFrom(image) : image, steps, name);
    const row = new ROWS[steps.elementType](plane * channels);
    sources.forEach((source, channel) => {
      const table = tables[channel] as ValueTable;
      const [start, step] = steps.layout === 'nchw' ? [channel * plane, 1] : [channel, channels];
      for (let at = 0; at < plane; at += 1) {
        row[start + at * step] = table[pixels[at * 3 + source] as number] as number;
      }
    });
    return new Uint8Array(row.buffer);
  };
}

/** ITU-R 601-2 luma in 16 bits of fraction, as Pillow's convert('L'), three times. */
function grayFrom({width, height, pixels}: Image): Image {
  const gray = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    const [red, green, blue] = [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number];
    gray.fill((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16, at, at + 3);
  }
  return {width, height, pixels: gray};
}

function makeTable(input: TensorSpec, steps: ResolvedPreprocessing, channel: number): ValueTable {
  const mean = steps.mean[channel] ?? 0;
  const std = steps.std[channel] ?? 1;
  const values = Array.from(
    {length: 256},
    (_, pixel) => ((pixel * steps.numerator) / steps.denominator - mean) / std,
  );
  switch (steps.elementType) {
    case 'float32':
      return Float32Array.from(values);
    case 'float16':
      return Uint16Array.from(values, halfFromFloat);
    case 'uint8':
      return Uint8Array.from(wholeNumbers(input, values, 0, 255));
    case 'int8':
      return Int8Array.from(wholeNumbers(input, values, -128, 127));
  }
}

function wholeNumbers(input: TensorSpec, values: number[], least: number, greatest: number): number[] {
  const wrong = values.find(value => !Number.isInteger(value) || value < least || value > greatest);
  if (wrong === undefined) return values;
  throw new ExpectedError(
    'wrong-input-type',
    `Preprocessing gives input ${input.name} values such as ${Number(wrong.toPrecision(4))}, and it takes ${input.elementType}: whole numbers from ${least} to ${greatest}.`,
    EXIT.usage,
    {hints: ['Set preprocessing in edgewise.yaml: raw for uint8, {mean: 128} for int8.']},
  );
}
