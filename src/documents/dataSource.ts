import {z} from 'zod';

/** Element types that files of samples can hold: those of NumPy that ONNX Runtime takes. */
export const ARRAY_TYPES = [
  'float32',
  'float16',
  'float64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'int8',
  'int16',
  'int32',
  'int64',
  'bool',
] as const;

export const LAYOUTS = ['nchw', 'nhwc'] as const;

const path = z.string().min(1);

const arrayFile = z
  .strictObject({
    file: path.describe('A .npy file, or records of raw little-endian numbers one after another.'),
    elementType: z.enum(ARRAY_TYPES).optional().describe('Of a raw file.'),
    shape: z
      .array(z.int().positive())
      .optional()
      .describe('Of one sample in a raw file, without a first axis that counts samples.'),
    recordBytes: z
      .int()
      .positive()
      .optional()
      .describe('Length of a record of a raw file, where it holds more than the tensor.'),
    offsetBytes: z
      .int()
      .nonnegative()
      .optional()
      .describe('Where in a record of a raw file the tensor starts; 0 when left out.'),
    layout: z
      .enum(LAYOUTS)
      .optional()
      .describe('How uint8 images lie in the array, where their shape does not tell.'),
  })
  .superRefine(({elementType, shape, recordBytes, offsetBytes}, context) => {
    const isRaw = elementType !== undefined;
    if (isRaw === (shape !== undefined) && (isRaw || (recordBytes ?? offsetBytes) === undefined)) return;
    context.addIssue({
      code: 'custom',
      message: 'expected elementType and shape together for a raw file, and neither for a .npy file',
    });
  });

const dataSet = z
  .strictObject({
    path: path
      .optional()
      .describe(
        'Everything in one place: a folder of images, a list of images (CSV), a .npy or a .npz file.',
      ),
    inputs: z
      .record(z.string(), z.union([path, arrayFile]))
      .optional()
      .describe('Per input a folder of images, a list of images (CSV), a .npy file, or raw numbers.'),
    random: z
      .strictObject({samples: z.int().positive(), seed: z.int().nonnegative().optional()})
      .optional()
      .describe('Random values: they show that a build runs, not how good it is.'),
    labels: z
      .union([path, arrayFile])
      .optional()
      .describe('A CSV file "file,label", a .npy file, or raw numbers: one label per sample.'),
    classes: path.optional().describe('The names of the classes, one per line: the first line is class 0.'),
    samples: z
      .int()
      .positive()
      .optional()
      .describe('Use this many: the first ones, or with a seed ones chosen at random.'),
    seed: z
      .int()
      .nonnegative()
      .optional()
      .describe('Chooses the samples at random, the same for the same seed.'),
  })
  .superRefine((source, context) => {
    const given = [source.path, source.inputs, source.random].filter(value => value !== undefined);
    if (given.length !== 1)
      context.addIssue({code: 'custom', message: 'expected exactly one of "path", "inputs", "random"'});
    if (source.seed !== undefined && source.samples === undefined)
      context.addIssue({
        code: 'custom',
        path: ['seed'],
        message: 'expected "samples" beside it',
        input: source.seed,
      });
  });

/** Where samples come from: a path whose content says what it is, or the same in words. */
export const dataSourceSchema = z.union([path, dataSet]);

export type DataSource = z.infer<typeof dataSourceSchema>;
export type ArrayFileSource = z.infer<typeof arrayFile>;
export type ArrayType = (typeof ARRAY_TYPES)[number];
export type Layout = (typeof LAYOUTS)[number];

/** What `--data` means: a path, or random values when they are asked for by name. A folder `random` is `./random`. */
export function dataSourceFromText(text: string): DataSource {
  return text === 'random' ? {random: {samples: RANDOM_SAMPLES}} : text;
}

/** Enough to see every layer run; more random values say nothing more about the ranges of real ones. */
const RANDOM_SAMPLES = 32;
