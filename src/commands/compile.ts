import {string as stringArgument} from '@oclif/core/args';
import type {Build} from '../documents/build.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {compileFlags} from '../terminal/compileFlags.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';
import {widthOf} from '../terminal/formatTable.ts';

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
    ...compileFlags,
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
        without: flags.without ?? [],
        calibrationSamples: flags.samples,
        seed: flags.seed,
        connect: connectOptionsFrom(flags),
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromBuild} = await import('../terminal/textFromBuild.ts');
    const width = widthOf(process.stdout);
    this.show(builds.map(made => textFromBuild(made, width)).join('\n\n'));
    return {builds};
  }
}
