import {boolean as booleanFlag, string as stringFlag} from '@oclif/core/flags';
import type {QuickstartResult} from '../documents/quickstart.ts';
import {EXIT} from '../errors.ts';
import {BaseCommand} from '../terminal/baseCommand.ts';

export default class Quickstart extends BaseCommand {
  static override summary = 'The whole main job on an emulated device: profile, compile, plan, push, infer.';
  static override description =
    "Starts a lab, runs the commands a user would run, and compares device-only, cloud-only and two plans: predicted beside measured latency, bytes sent, and whether every answer equals the unsplit model's (exit 1 if not).";
  static override examples = [
    '<%= config.bin %> quickstart',
    '<%= config.bin %> quickstart --model model.onnx --shape input=1,3,224,224',
  ];
  static override flags = {
    folder: stringFlag({description: 'folder to work in', default: 'edgewise-quickstart', helpValue: 'DIR'}),
    model: stringFlag({description: 'any ONNX model instead of the picture classifier', helpValue: 'FILE'}),
    shape: stringFlag({
      description: 'shape of an input of --model, as NAME=1,3,224,224',
      multiple: true,
      default: [],
    }),
    keep: booleanFlag({description: 'leave the lab running', default: false}),
  };

  protected override readonly drawsLiveList = false;

  async run(): Promise<QuickstartResult> {
    const {flags} = await this.parse(Quickstart);
    const {quickstart} = await import('../workflows/quickstart.ts');
    const {shapesFromFlags} = await import('../workflows/inspect.ts');
    const result = await quickstart(
      {
        folder: flags.folder,
        modelFile: flags.model ?? null,
        shapes: shapesFromFlags(flags.shape),
        keepsLab: flags.keep,
      },
      this.emit,
    );
    if (!result.isExact) process.exitCode = EXIT.verdictNo;
    await this.endProgress();
    const {textFromQuickstart} = await import('../terminal/textFromQuickstart.ts');
    this.show(textFromQuickstart(result));
    return result;
  }
}
