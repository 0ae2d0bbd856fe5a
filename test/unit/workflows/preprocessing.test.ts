import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {openNpz} from '../../../src/workspace/data/npz.ts';
import type {Image} from '../../../src/workspace/data/decodeImage.ts';
import type {PreprocessingSteps} from '../../../src/documents/preprocessing.ts';
import type {ElementType} from '../../../src/documents/elementTypes.ts';
import {placeImage} from '../../../src/workflows/preprocessing/placeImage.ts';
import {
  likelyPreset,
  resolvePreprocessing,
} from '../../../src/workflows/preprocessing/resolvePreprocessing.ts';
import {resizeImage} from '../../../src/workflows/preprocessing/resizeImage.ts';
import {makeRowFromImage} from '../../../src/workflows/preprocessing/rowFromImage.ts';

const PILLOW = await openNpz(join(import.meta.dirname, '../../fixtures/arrays/pillow-resized.npz'));

async function pixelsOf(name: string): Promise<Image> {
  const array = await PILLOW.openArray(name);
  const [height = 0, width = 0] = array.shape;
  const {bytes} = await array.readRows(0, height);
  await array.close();
  return {height, width, pixels: bytes};
}

const input = (shape: number[], elementType: ElementType = 'float32') => ({name: 'x', elementType, shape});
const stepsOf = (shape: number[], steps: PreprocessingSteps, elementType?: ElementType) =>
  resolvePreprocessing(input([1, ...shape], elementType), shape, steps);
const rowOf = (image: Image, shape: number[], steps: PreprocessingSteps, elementType?: ElementType) =>
  makeRowFromImage(input([1, ...shape], elementType), stepsOf(shape, steps, elementType))(image, 'a.png');
const floats = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.slice().buffer)];

/** Every pixel is its own place: red counts columns, green rows. */
const grid = (width: number, height: number): Image => ({
  width,
  height,
  pixels: Uint8Array.from({length: width * height * 3}, (_, at) => {
    const pixel = Math.floor(at / 3);
    return at % 3 === 0 ? pixel % width : at % 3 === 1 ? Math.floor(pixel / width) : 200;
  }),
});
const cornerOf = ({pixels}: Image) => [pixels[0], pixels[1]];

describe('resizing', () => {
  const names = PILLOW.names.filter(name => name.includes('x'));
  it('has Pillow to be compared with', () => expect(names).toHaveLength(20));

  it.each(names)('%s is what Pillow makes of it, to the bit', async name => {
    const [, interpolation, width, height] = /^(\w+)-(\d+)x(\d+)$/.exec(name) ?? [];
    const expected = await pixelsOf(name);
    const resized = resizeImage(
      await pixelsOf('image'),
      {width: Number(width), height: Number(height)},
      interpolation as 'bilinear',
      true,
    );
    expect(Buffer.compare(resized.pixels, expected.pixels)).toBe(0);
  });

  it('without antialiasing only the nearest pixels count', () => {
    // Columns 0 and 9 differ from all between; halving twice looks at columns 1, 2 and 5, 6 only.
    const line: Image = {width: 8, height: 1, pixels: new Uint8Array(24)};
    for (const column of [0, 3, 4, 7]) line.pixels.fill(200, column * 3, column * 3 + 3);
    const size = {width: 2, height: 1};
    expect([...resizeImage(line, size, 'bilinear', false).pixels]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(resizeImage(line, size, 'bilinear', true).pixels[0]).toBeGreaterThan(50);
  });
});

describe('placing an image', () => {
  const place = (image: Image, shape: number[], steps: PreprocessingSteps) =>
    placeImage(image, stepsOf(shape, steps), 'a.png');

  it.each([
    [500, 375, 341, 256],
    [375, 500, 256, 341],
    [256, 256, 256, 256],
  ])(
    'the shorter side of %i × %i comes to 256, the longer is cut as torchvision does',
    (width, height, toWidth, toHeight) => {
      const placed = place(grid(width, height), [3, toHeight, toWidth], {
        resize: {mode: 'shortest-side', size: 256},
      });
      expect([placed.width, placed.height]).toEqual([toWidth, toHeight]);
    },
  );

  it.each([
    [10, 4, 3],
    [9, 4, 2],
    [11, 4, 4],
    [7, 4, 2],
    [4, 4, 0],
  ])(
    'the centre of %i is cut to %i from %i on: halves go to the even side, as Python rounds',
    (from, to, start) => {
      expect(cornerOf(place(grid(from, from), [3, to, to], {crop: to}))).toEqual([start, start]);
    },
  );

  it('a letterboxed image keeps its proportions, with gray beside it', () => {
    const {pixels} = place({width: 4, height: 2, pixels: new Uint8Array(24).fill(9)}, [3, 8, 8], {
      resize: {mode: 'letterbox'},
    });
    const rows = Array.from({length: 8}, (_, row) => pixels[row * 8 * 3]);
    expect(rows).toEqual([114, 114, 9, 9, 9, 9, 114, 114]);
  });

  it('an odd pixel of padding goes below and to the right', () => {
    const {pixels} = place({width: 4, height: 3, pixels: new Uint8Array(36).fill(9)}, [3, 4, 4], {
      resize: {mode: 'letterbox', padding: 1},
    });
    expect(Array.from({length: 4}, (_, row) => pixels[row * 12])).toEqual([9, 9, 9, 1]);
  });

  it("a preset takes an image of the model's size as it is; declared steps are carried out", () => {
    const image = grid(32, 32);
    expect(place(image, [3, 32, 32], {preset: 'imagenet'})).toBe(image);
    expect(
      place(image, [3, 32, 32], {preset: 'imagenet', resize: {mode: 'shortest-side', size: 40}, crop: 32}),
    ).not.toBe(image);
  });

  it('the ImageNet preset comes to 256 and takes the middle 224', () => {
    const steps = stepsOf([3, 224, 224], {preset: 'imagenet'});
    expect(steps.resize).toMatchObject({
      mode: 'shortest-side',
      height: 256,
      interpolation: 'bilinear',
      antialias: true,
    });
    expect(steps.crop).toEqual({height: 224, width: 224});
  });

  it.each([
    ['without resizing', {}, 'a.png is 40 × 30 pixels; the model takes 32 × 32.'],
    ['smaller than the crop', {crop: 35}, 'a.png is 40 × 30 pixels; the model takes 32 × 32.'],
    [
      'resized to something else',
      {resize: {mode: 'stretch', size: [20, 10]}},
      'a.png is 40 × 30 pixels, 10 × 20 after resizing; the model takes 32 × 32.',
    ],
  ] as const)('an image of another size is refused %s', (_, steps, message) => {
    expect(() => place(grid(40, 30), [3, 32, 32], steps as PreprocessingSteps)).toThrow(
      expect.objectContaining({code: 'wrong-input-shape', exitCode: 2, message}),
    );
  });
});

describe('values', () => {
  const image: Image = {width: 2, height: 1, pixels: Uint8Array.of(10, 20, 30, 255, 0, 128)};

  it('layout and channel order', () => {
    expect(floats(rowOf(image, [3, 1, 2], {}))).toEqual([10, 255, 20, 0, 30, 128]);
    expect(floats(rowOf(image, [3, 1, 2], {channelOrder: 'bgr'}))).toEqual([30, 128, 20, 0, 10, 255]);
    expect(floats(rowOf(image, [1, 2, 3], {layout: 'nhwc'}))).toEqual([10, 20, 30, 255, 0, 128]);
    expect(floats(rowOf(image, [1, 2, 3], {layout: 'nhwc', channelOrder: 'bgr'}))).toEqual([
      30, 20, 10, 128, 0, 255,
    ]);
  });

  it('scale, mean and std in that order, each value rounded once', () => {
    const values = floats(rowOf(image, [3, 1, 2], {preset: 'imagenet', resize: {mode: 'stretch'}}));
    const expected = [10, 255, 20, 0, 30, 128].map((pixel, at) => {
      const channel = Math.floor(at / 2);
      const [mean, std] = [[0.485, 0.456, 0.406][channel]!, [0.229, 0.224, 0.225][channel]!];
      return Math.fround((pixel / 255 - mean) / std);
    });
    expect(values).toEqual(expected);
  });

  it('presets', () => {
    const row = (preset: PreprocessingSteps['preset']) =>
      floats(rowOf(image, [3, 1, 2], preset === undefined ? {} : {preset}));
    expect(row('raw')).toEqual([10, 255, 20, 0, 30, 128]);
    expect(row('unit')).toEqual([10, 255, 20, 0, 30, 128].map(pixel => Math.fround(pixel / 255)));
    expect(row('mobilenet')).toEqual([10, 255, 20, 0, 30, 128].map(pixel => Math.fround(pixel / 127.5 - 1)));
    expect(row('imagenet-caffe')).toEqual([30 - 104, 128 - 104, 20 - 117, 0 - 117, 10 - 123, 255 - 123]);
  });

  it("gray is Pillow's", async () => {
    const colour = await pixelsOf('image');
    const gray = await PILLOW.openArray('gray');
    const {bytes} = await gray.readRows(0, 12);
    expect(floats(rowOf(colour, [1, 12, 17], {}))).toEqual([...bytes]);
  });

  it('half precision and integers', () => {
    expect([...new Uint16Array(rowOf(image, [3, 1, 2], {preset: 'unit'}, 'float16').slice().buffer)][1]).toBe(
      0x3c00,
    );
    expect([...rowOf(image, [3, 1, 2], {preset: 'raw'}, 'uint8')]).toEqual([10, 255, 20, 0, 30, 128]);
    expect([...new Int8Array(rowOf(image, [3, 1, 2], {mean: 128}, 'int8').buffer)]).toEqual([
      -118, 127, -108, -128, -98, 0,
    ]);
  });

  it.each([
    ['fractions for integers', [3, 1, 2], {preset: 'imagenet'}, 'uint8', 'wrong-input-type'],
    ['values beyond the type', [3, 1, 2], {}, 'int8', 'wrong-input-type'],
    ["another type than the model's", [3, 1, 2], {elementType: 'uint8'}, 'float32', 'wrong-input-type'],
    ['a type that images do not have', [3, 1, 2], {}, 'int64', 'wrong-input-type'],
    ['three means for one channel', [1, 1, 2], {preset: 'imagenet'}, 'float32', 'wrong-input-shape'],
    ['gray for three channels', [3, 1, 2], {channelOrder: 'gray'}, 'float32', 'wrong-input-shape'],
    ['an input that is no image', [5, 7], {}, 'float32', null],
    ['an input of four channels', [4, 8, 8], {}, 'float32', 'wrong-input-shape'],
  ] as const)('%s', (_, shape, steps, elementType, code) => {
    const make = () =>
      rowOf({width: 7, height: 5, pixels: new Uint8Array(105)}, [...shape], steps, elementType);
    // Height and width alone are a gray image.
    if (code === null) expect(make()).toHaveLength(5 * 7 * 4);
    else expect(make).toThrow(expect.objectContaining({code, exitCode: 2}));
  });

  it.each([
    [[3, 224, 224], 'float32', 'imagenet'],
    [[224, 224, 3], 'float32', 'mobilenet'],
    [[1, 28, 28], 'float32', 'unit'],
    [[224, 224, 3], 'uint8', 'raw'],
  ] as const)('for %j of %s the likely preset is another', (shape, elementType, preset) => {
    expect(likelyPreset(input([1, ...shape], elementType), shape)).toBe(preset);
  });
});
