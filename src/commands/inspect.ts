import {string as stringArgument} from '@oclif/core/args';
import {boolean as booleanFlag, string as stringFlag} from '@oclif/core/flags';
import type {Inspection} from '../documents/inspection.ts';
import {BaseCommand} from '../terminal/baseCommand.ts';
import {widthOf} from '../terminal/formatTable.ts';

export default class Inspect extends BaseCommand {
  static override summary =
    'Layers, shapes, multiply-adds, weights and activations of a model, and where a cut is cheap.';
  static override description =
    'Weights are not loaded. Shapes that the file does not declare are measured by one run.';
  static override examples = [
    '<%= config.bin %> inspect model.onnx',
    '<%= config.bin %> inspect model.onnx --shape image=1,3,224,224 --json',
  ];
  static override args = {model: stringArgument({description: 'ONNX file', required: true})};
  static override flags = {
    shape: stringFlag({description: 'shape of an input, as NAME=1,3,224,224', multiple: true, default: []}),
    measure: booleanFlag({
      description: 'run the model once to learn the shapes it does not declare',
      allowNo: true,
    }),
  };

  async run(): Promise<Inspection> {
    const {args, flags} = await this.parse(Inspect);
    const {inspect, shapesFromFlags} = await import('../workflows/inspect.ts');
    const inspection = await inspect(
      {
        modelFile: args.model,
        shapes: shapesFromFlags(flags.shape),
        ...(flags.measure === undefined ? {} : {measure: flags.measure}),
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromInspection} = await import('../terminal/textFromInspection.ts');
    this.show(textFromInspection(inspection, widthOf(process.stdout)));
    return inspection;
  }
}
