import {string as stringArgument} from '@oclif/core/args';
import {
  boolean as booleanFlag,
  integer as integerFlag,
  option,
  string as stringFlag,
} from '@oclif/core/flags';
import {PRECISIONS, type Build} from '../documents/build.ts';
import {IMPROVEMENTS} from '../documents/improvements.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';

export default class Compile extends BaseCommand {
  static override summary = 'Compile and quantise the model per hardware, held to an accuracy budget.';
  static override description =
    'Chooses the recipe from the device or target, quantises on the calibration data, checks accuracy on samples that were not used for it, times the builds against fp32 on the device, and hands out the fastest within the budget. Writes builds/<target>.yaml, which says every decision with its reason, and builds/<target>.onnx. With neither data nor target: one portable fp32 build.';
  static override examples = [
    '<%= config.bin %> compile',
    '<%= config.bin %> compile model.onnx --device pi-lobby --data calib/ --max-drop 1%',
    '<%= config.bin %> compile model.onnx --target x86-vnni --data samples.npy --precision int8',
  ];
  static override args = {
    model: stringArgument({description: "ONNX file; the project's when left out"}),
  };
  static override flags = {
    ...projectFlags,
    ...connectFlags,
    device: stringFlag({description: 'device to compile for and to measure on', helpValue: 'NAME'}),
    target: stringFlag({description: 'hardware family to compile for, without asking a device'}),
    data: stringFlag({
      description: 'calibration data: a folder of images, .npy, .npz, CSV, or "random"',
      helpValue: 'PATH',
    }),
    evaluation: stringFlag({
      description: 'data to judge builds on; a part of the calibration data when left out',
      helpValue: 'PATH',
    }),
    'max-drop': stringFlag({
      description: 'accuracy budget: 1% of the original, 0.01, or "0.5 points"',
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
      default: [],
      description: 'leave out a step of making the quantised model good',
    })(),
    samples: integerFlag({description: 'samples to calibrate on at most', default: 128, min: 1}),
    seed: integerFlag({description: 'chooses which samples are for what', default: 0, min: 0}),
  };

  async run(): Promise<{builds: {file: string; build: Build}[]}> {
    const {args, flags} = await this.parse(Compile);
    const {device, target, data, evaluation} = flags;
    const {compile} = await import('../workflows/compile.ts');
    const builds = await compile(
      {
        projectPath: flags.project,
        ...(args.model === undefined ? {} : {model: args.model}),
        ...(device === undefined ? {} : {device}),
        ...(target === undefined ? {} : {target}),
        ...(data === undefined ? {} : {data}),
        ...(evaluation === undefined ? {} : {evaluation}),
        ...(flags['max-drop'] === undefined ? {} : {maxDrop: flags['max-drop']}),
        precision: flags.precision === 'int4' ? 'int4-weights' : flags.precision,
        isPruned: flags.prune,
        without: flags.without,
        calibrationSamples: flags.samples,
        seed: flags.seed,
        connect: connectOptionsFrom(flags),
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromBuild} = await import('../terminal/textFromBuild.ts');
    this.show(builds.map(textFromBuild).join('\n\n'));
    return {builds};
  }
}
