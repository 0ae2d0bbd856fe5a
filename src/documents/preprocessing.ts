import {z} from 'zod';
import {LAYOUTS} from './dataSource.ts';

/** Named ways from pixels to values; what each means is in docs/data.md. */
export const PREPROCESSING_PRESETS = ['imagenet', 'imagenet-caffe', 'mobilenet', 'unit', 'raw'] as const;

const size = z
  .union([z.int().positive(), z.tuple([z.int().positive(), z.int().positive()])])
  .describe('One number, or [height, width].');

const perChannel = (value: z.ZodNumber) => z.union([value, z.array(value).min(1)]);

const resize = z
  .strictObject({
    mode: z
      .enum(['stretch', 'shortest-side', 'letterbox'])
      .describe(
        'stretch: to the size, whatever the proportions; shortest-side: the shorter side to the size; letterbox: as large as fits, the rest padded.',
      ),
    size: size.optional().describe("The model's own size when left out."),
    interpolation: z
      .enum(['nearest', 'bilinear', 'bicubic', 'lanczos'])
      .optional()
      .describe('bilinear when left out.'),
    antialias: z
      .boolean()
      .optional()
      .describe(
        'true when left out, as Pillow and torchvision do; false as OpenCV and TensorFlow do when they make images smaller.',
      ),
    padding: z
      .int()
      .min(0)
      .max(255)
      .optional()
      .describe('The value of the pixels beside a letterboxed image; 114 when left out.'),
  })
  .superRefine(({mode, size: given}, context) => {
    if (mode === 'shortest-side' && typeof given === 'object')
      context.addIssue({code: 'custom', path: ['size'], message: 'expected one number', input: given});
  });

const steps = z.strictObject({
  preset: z.enum(PREPROCESSING_PRESETS).optional().describe('What is not said here comes from it.'),
  resize: resize.optional(),
  crop: size.optional().describe('Taken from the centre, after resizing.'),
  channelOrder: z.enum(['rgb', 'bgr', 'gray']).optional(),
  layout: z
    .enum(LAYOUTS)
    .optional()
    .describe("How the model wants images: its input's shape decides when left out."),
  scale: z
    .union([
      z.number().positive(),
      z.string().regex(/^\d+(\.\d+)?\/\d+(\.\d+)?$/, 'expected a fraction such as 1/255'),
    ])
    .optional()
    .describe('Pixels (0 to 255) are multiplied by it first; 1 when left out.'),
  mean: perChannel(z.number())
    .optional()
    .describe("Subtracted after scaling, in the order of the model's channels."),
  std: perChannel(z.number().positive()).optional().describe('Divided by at last.'),
  elementType: z
    .enum(['float32', 'float16', 'uint8', 'int8'])
    .optional()
    .describe("Of the result; it must be the model's own, which is taken when left out."),
});

const presetName = z.enum(PREPROCESSING_PRESETS);

/** From pixels to the model's input: for the only input, or under `inputs` for each input by name. */
export const preprocessingSchema = z.union([
  presetName,
  steps
    .extend({
      inputs: z
        .record(z.string(), z.union([presetName, steps]))
        .optional()
        .describe('One per input.'),
    })
    .superRefine(({inputs, ...others}, context) => {
      if (inputs !== undefined && Object.keys(others).length > 0)
        context.addIssue({
          code: 'custom',
          message: 'expected either "inputs" or the steps for the only input',
        });
    }),
]);

export type Preprocessing = z.infer<typeof preprocessingSchema>;
export type PreprocessingSteps = z.infer<typeof steps>;
export type PreprocessingPreset = (typeof PREPROCESSING_PRESETS)[number];
export type Interpolation = NonNullable<NonNullable<PreprocessingSteps['resize']>['interpolation']>;
