import {string as stringArgument} from '@oclif/core/args';
import {boolean as booleanFlag, integer as integerFlag, string as stringFlag} from '@oclif/core/flags';
import type {InferResult} from '../documents/inference.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';
import {inputsFromFlags} from '../terminal/inputFlags.ts';

export default class Infer extends BaseCommand {
  static override summary = "Send samples through a device's endpoint; predicted beside measured latency.";
  static override examples = [
    '<%= config.bin %> infer pi-1 --input picture.npy',
    '<%= config.bin %> infer pi-1 --evaluation --output answers/',
    '<%= config.bin %> infer pi-1 --evaluation --repeat 10',
  ];
  static override args = {device: stringArgument({description: 'device to ask', required: true})};
  static override flags = {
    ...projectFlags,
    ...connectFlags,
    input: stringFlag({
      char: 'i',
      description:
        '.npy file, or NAME=FILE for a model with several inputs; several requests lie along its first axis',
      multiple: true,
      default: [],
    }),
    evaluation: booleanFlag({
      description: "send the project's evaluation set and count right answers",
      default: false,
    }),
    repeat: integerFlag({
      description: 'send all samples so many times; latency is over all of it',
      min: 1,
      default: 1,
      helpValue: 'TIMES',
    }),
    'warm-up': integerFlag({
      description: 'first ask for so long, at most 1000 times, without counting (default: 3 to 12 requests)',
      min: 0,
      max: 300,
      helpValue: 'SECONDS',
    }),
    output: stringFlag({char: 'o', description: 'folder for the answers as .npy files', helpValue: 'DIR'}),
  };

  async run(): Promise<InferResult> {
    const {args, flags} = await this.parse(Infer);
    if (flags.evaluation === flags.input.length > 0) {
      throw new ExpectedError('wrong-usage', 'Give either --input FILE or --evaluation.', EXIT.usage, {
        hints: [`edgewise infer ${args.device} --evaluation`],
      });
    }
    const {infer} = await import('../workflows/infer.ts');
    const result = await infer(
      {
        projectPath: flags.project,
        device: args.device,
        inputs: flags.evaluation ? null : inputsFromFlags(flags.input),
        repeat: flags.repeat,
        warmUpSeconds: flags['warm-up'] ?? null,
        connect: connectOptionsFrom(flags),
        ...(flags.output === undefined ? {} : {outputFolder: flags.output}),
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromInference} = await import('../terminal/textFromInference.ts');
    this.show(textFromInference(result));
    return result;
  }
}
