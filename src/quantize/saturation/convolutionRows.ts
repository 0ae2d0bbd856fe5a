/** Sizes of a convolution; every list has one number per spatial axis. */
export interface ConvolutionGeometry {
  /** Of the input that one group reads. */
  readonly channels: number;
  readonly groups: number;
  readonly inputSizes: readonly number[];
  readonly outputSizes: readonly number[];
  readonly kernelSizes: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before the first element of each axis. */
  readonly padsBegin: readonly number[];
}

/**
 * Reads the inputs of one output position as MLAS lays them out (im2col over NHWC): kernel positions in order, at each of
 * them all channels of the group. Outside the image lies the input's zero point.
 * @see onnxruntime/core/providers/cpu/quantization/qlinearconv.cc, ReorderFilter and Im2col<StorageOrder::NHWC>
 */
export class ConvolutionRows {
  readonly positions: number;
  readonly depth: number;
  readonly #geometry: ConvolutionGeometry;
  readonly #imageSize: number;
  readonly #kernelSize: number;
  /** For each output position and kernel position, the place within one channel of the image; −1 outside. */
  readonly #places: Int32Array;

  constructor(geometry: ConvolutionGeometry) {
    this.#geometry = geometry;
    this.positions = productOf(geometry.outputSizes);
    this.#kernelSize = productOf(geometry.kernelSizes);
    this.#imageSize = productOf(geometry.inputSizes);
    this.depth = this.#kernelSize * geometry.channels;
    this.#places = placesOf(geometry, this.positions, this.#kernelSize);
  }

  /** Fills `row` (of `depth`) from one image in NCHW that begins at `start` of `input`. */
  read(
    row: Uint8Array,
    input: Uint8Array,
    start: number,
    group: number,
    position: number,
    zeroPoint: number,
  ): void {
    const {channels} = this.#geometry;
    const first = start + group * channels * this.#imageSize;
    for (let kernel = 0, at = 0; kernel < this.#kernelSize; kernel += 1) {
      const place = this.#places[position * this.#kernelSize + kernel] as number;
      if (place < 0) {
        row.fill(zeroPoint, at, at + channels);
        at += channels;
        continue;
      }
      for (let from = first + place, end = at + channels; at < end; at += 1, from += this.#imageSize)
        row[at] = input[from] as number;
    }
  }
}

function placesOf(geometry: ConvolutionGeometry, positions: number, kernelSize: number): Int32Array {
  const {inputSizes, outputSizes, kernelSizes, strides, dilations, padsBegin} = geometry;
  const places = new Int32Array(positions * kernelSize);
  for (let position = 0; position < positions; position += 1) {
    const output = coordinatesOf(position, outputSizes);
    for (let kernel = 0; kernel < kernelSize; kernel += 1) {
      const offset = coordinatesOf(kernel, kernelSizes);
      let place = 0;
      for (const [axis, size] of inputSizes.entries()) {
        const coordinate =
          (output[axis] ?? 0) * (strides[axis] ?? 1) -
          (padsBegin[axis] ?? 0) +
          (offset[axis] ?? 0) * (dilations[axis] ?? 1);
        place = place < 0 || coordinate < 0 || coordinate >= size ? -1 : place * size + coordinate;
      }
      places[position * kernelSize + kernel] = place;
    }
  }
  return places;
}

/** Row-major coordinates of a place. */
function coordinatesOf(place: number, sizes: readonly number[]): number[] {
  const coordinates: number[] = [];
  let rest = place;
  for (const size of sizes.toReversed()) {
    coordinates.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return coordinates;
}

export function productOf(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}
