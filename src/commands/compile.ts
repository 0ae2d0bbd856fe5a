import type {Build} from '../documents/build.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';

export default class Compile extends BaseCommand {
  static override summary = 'Compile the model and hold the build against the original.';
  static override description =
    'Folds constants and fuses layers at the highest level that runs on every processor, then compares outputs (and accuracy, where the project has labels) with the original. Writes builds/<target>.yaml.';
  static override examples = ['<%= config.bin %> compile'];
  static override flags = {...projectFlags};

  async run(): Promise<{file: string; build: Build}> {
    const {flags} = await this.parse(Compile);
    const {compile} = await import('../workflows/compile.ts');
    const made = await compile(flags.project, this.emit);
    await this.endProgress();
    const {textFromBuild} = await import('../terminal/textFromBuild.ts');
    this.show(textFromBuild(made));
    return made;
  }
}
