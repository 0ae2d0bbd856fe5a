import {
  boolean as booleanFlag,
  integer as integerFlag,
  option,
  string as stringFlag,
} from '@oclif/core/flags';
import {PRECISIONS} from '../documents/build.ts';
import {IMPROVEMENTS} from '../documents/improvements.ts';

/** What to compile for, on which data, how far accuracy may fall, and which steps to take. */
export const compileFlags = {
  device: stringFlag({
    description: 'device or gateway to compile for and to measure on, or the cloud to compile for',
    helpValue: 'NAME',
  }),
  target: stringFlag({
    description: 'hardware family to compile for, as x86-vnni or arm64-dotprod, without asking a device',
    helpValue: 'NAME',
  }),
  data: stringFlag({
    description: 'calibration data: a folder of images, .npy, .npz, CSV, or random values with "random"',
    helpValue: 'PATH',
  }),
  evaluation: stringFlag({
    description: 'data to judge builds on; a part of the calibration data when left out',
    helpValue: 'PATH',
  }),
  'max-drop': stringFlag({
    description: 'how much worse than the original a build may be: 1% of its value, 0.01, or "0.5 points"',
    helpValue: 'DROP',
  }),
  precision: option({
    options: ['auto', ...PRECISIONS, 'int4'] as const,
    default: 'auto' as const,
    description: "auto tries the target's recipe; int4 is int4-weights",
  })(),
  prune: booleanFlag({
    description: 'also remove channels, as far as the budget and the device allow',
    default: false,
  }),
  without: option({
    options: IMPROVEMENTS,
    multiple: true,
    description: 'leave out a step of making the quantised model good; can be repeated',
  })(),
  samples: integerFlag({
    description: 'samples to calibrate on at most',
    default: 128,
    min: 1,
    helpValue: 'COUNT',
  }),
  seed: integerFlag({
    description: 'chooses which samples are for what; the same for the same seed',
    default: 0,
    min: 0,
    helpValue: 'NUMBER',
  }),
};
