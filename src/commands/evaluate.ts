import {string as stringArgument} from '@oclif/core/args';
import {integer as integerFlag, string as stringFlag} from '@oclif/core/flags';
import type {Evaluation} from '../documents/evaluation.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {widthOf} from '../terminal/formatTable.ts';

export default class Evaluate extends BaseCommand {
  static override summary =
    'Hold a build against the original: metric, outputs, and the layers that lose most.';
  static override description =
    'Runs both on the evaluation data. Layers are listed by the error that has come together up to them, and by their own error when they are fed with what the original computes.';
  static override examples = [
    '<%= config.bin %> evaluate builds/x86-vnni.yaml',
    '<%= config.bin %> evaluate build.onnx --against model.onnx --data samples.npy',
  ];
  static override args = {
    build: stringArgument({description: 'build document or ONNX file', required: true}),
  };
  static override flags = {
    ...projectFlags,
    against: stringFlag({
      description: "the original ONNX file; the project's model when left out",
      helpValue: 'MODEL',
    }),
    data: stringFlag({
      description: "data to compare on, instead of the project's evaluation data",
      helpValue: 'PATH',
    }),
    layers: integerFlag({
      description: 'how many of the worst layers to list',
      default: 5,
      min: 0,
      helpValue: 'COUNT',
    }),
  };

  async run(): Promise<Evaluation> {
    const {args, flags} = await this.parse(Evaluate);
    const {against, data} = flags;
    const {evaluate} = await import('../workflows/evaluate.ts');
    const evaluation = await evaluate(
      {
        projectPath: flags.project,
        build: args.build,
        ...(against === undefined ? {} : {against}),
        ...(data === undefined ? {} : {data}),
        worstLayers: flags.layers,
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromEvaluation} = await import('../terminal/textFromEvaluation.ts');
    this.show(textFromEvaluation(evaluation, widthOf(process.stdout)));
    return evaluation;
  }
}
