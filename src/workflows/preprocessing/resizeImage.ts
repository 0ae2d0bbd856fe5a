import type {Interpolation} from '../../documents/preprocessing.ts';
import type {Image} from '../../workspace/data/decodeImage.ts';

/** How an interpolation weighs the pixels around a point, by their distance, and how far it looks. */
interface Kernel {
  readonly support: number;
  weight(distance: number): number;
}

/** The a of the cubic convolution kernel. @see Keys, "Cubic convolution interpolation", IEEE TASSP 29 (1981) */
const CUBIC_A = -0.5;

const KERNELS: Readonly<Record<Exclude<Interpolation, 'nearest'>, Kernel>> = {
  bilinear: {support: 1, weight: distance => Math.max(0, 1 - Math.abs(distance))},
  bicubic: {
    support: 2,
    weight(distance) {
      const x = Math.abs(distance);
      if (x < 1) return ((CUBIC_A + 2) * x - (CUBIC_A + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * CUBIC_A : 0;
    },
  },
  lanczos: {
    support: 3,
    weight: distance => (distance >= -3 && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0),
  },
};

/** Weights are whole numbers of 2^-22: with 8 bits of pixel and 2 to spare for kernels that overshoot they fill an int32. */
const WEIGHT_BITS = 32 - 8 - 2;

/**
 * Resizes as Pillow up to 12 does, bit for bit: first the rows' pixels, then the columns', in fixed point, rounded to
 * bytes in between (Pillow 13 takes the cheaper axis first, which moves some values by one). With `antialias` (Pillow's
 * only way, and torchvision's) the kernel widens when the image becomes smaller; without, each new pixel sees its
 * nearest old ones only, as in OpenCV and TensorFlow, whose rounding may differ by one.
 * @see https://github.com/python-pillow/Pillow/blob/12.3.0/src/libImaging/Resample.c
 */
export function resizeImage(
  image: Image,
  {width, height}: {width: number; height: number},
  interpolation: Interpolation,
  antialias: boolean,
): Image {
  if (interpolation === 'nearest') return takeNearest(image, width, height);
  const kernel = KERNELS[interpolation];
  const {pixels} = image;
  const wide =
    width === image.width
      ? pixels
      : resampleRows(pixels, image.height, image.width, weighPixels(image.width, width, kernel, antialias));
  const resized =
    height === image.height
      ? wide
      : resampleColumns(wide, width, weighPixels(image.height, height, kernel, antialias));
  return {width, height, pixels: resized};
}

/** For each new pixel of one axis: the first old one it is made of, how many, and their weights. */
interface Weights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `span` places for each new pixel. */
  readonly weights: Int32Array;
  readonly span: number;
}

function weighPixels(oldSize: number, newSize: number, kernel: Kernel, antialias: boolean): Weights {
  const scale = oldSize / newSize;
  const stretch = antialias ? Math.max(scale, 1) : 1;
  const support = kernel.support * stretch;
  const span = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(newSize);
  const count = new Int32Array(newSize);
  const weights = new Int32Array(newSize * span);
  for (let at = 0; at < newSize; at += 1) {
    const centre = (at + 0.5) * scale;
    const from = Math.max(0, Math.trunc(centre - support + 0.5));
    const length = Math.min(oldSize, Math.trunc(centre + support + 0.5)) - from;
    const exact = Array.from({length}, (_, offset) =>
      // Pillow multiplies by the reciprocal; dividing would differ in the last bit.
      kernel.weight((offset + from - centre + 0.5) * (1 / stretch)),
    );
    const sum = exact.reduce((total, weight) => total + weight, 0);
    exact.forEach((weight, offset) => {
      const share = (sum === 0 ? weight : weight / sum) * 2 ** WEIGHT_BITS;
      weights[at * span + offset] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
    first[at] = from;
    count[at] = length;
  }
  return {first, count, weights, span};
}

const HALF = 1 << (WEIGHT_BITS - 1);

function byteFromSum(sum: number): number {
  const value = sum >> WEIGHT_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function resampleRows(
  pixels: Uint8Array,
  height: number,
  oldWidth: number,
  {first, count, weights, span}: Weights,
): Uint8Array {
  const width = first.length;
  const result = new Uint8Array(height * width * 3);
  let to = 0;
  for (let row = 0; row < height; row += 1) {
    const rowStart = row * oldWidth * 3;
    for (let column = 0; column < width; column += 1) {
      let from = rowStart + (first[column] as number) * 3;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      const end = column * span + (count[column] as number);
      for (let at = column * span; at < end; at += 1) {
        const weight = weights[at] as number;
        red += (pixels[from] as number) * weight;
        green += (pixels[from + 1] as number) * weight;
        blue += (pixels[from + 2] as number) * weight;
        from += 3;
      }
      result[to] = byteFromSum(red);
      result[to + 1] = byteFromSum(green);
      result[to + 2] = byteFromSum(blue);
      to += 3;
    }
  }
  return result;
}

function resampleColumns(
  pixels: Uint8Array,
  width: number,
  {first, count, weights, span}: Weights,
): Uint8Array {
  const height = first.length;
  const rowBytes = width * 3;
  const result = new Uint8Array(height * rowBytes);
  // A row of sums at a time: old rows are read from left to right, as they lie in memory.
  const sums = new Int32Array(rowBytes);
  for (let row = 0; row < height; row += 1) {
    sums.fill(HALF);
    for (let offset = 0; offset < (count[row] as number); offset += 1) {
      const weight = weights[row * span + offset] as number;
      const from = ((first[row] as number) + offset) * rowBytes;
      for (let at = 0; at < rowBytes; at += 1) {
        sums[at] = (sums[at] as number) + (pixels[from + at] as number) * weight;
      }
    }
    for (let at = 0; at < rowBytes; at += 1) result[row * rowBytes + at] = byteFromSum(sums[at] as number);
  }
  return result;
}

function takeNearest(image: Image, width: number, height: number): Image {
  const columns = nearestOf(image.width, width);
  const rows = nearestOf(image.height, height);
  const pixels = new Uint8Array(width * height * 3);
  let to = 0;
  for (const row of rows) {
    for (const column of columns) {
      const from = (row * image.width + column) * 3;
      pixels[to] = image.pixels[from] as number;
      pixels[to + 1] = image.pixels[from + 1] as number;
      pixels[to + 2] = image.pixels[from + 2] as number;
      to += 3;
    }
  }
  return {width, height, pixels};
}

/** The old pixel at each new pixel's centre; the place is summed up step by step, as Pillow's rounding depends on it. */
function nearestOf(oldSize: number, newSize: number): number[] {
  const step = oldSize / newSize;
  let place = step * 0.5;
  return Array.from({length: newSize}, () => {
    const old = Math.min(oldSize - 1, Math.trunc(place));
    place += step;
    return old;
  });
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
