import {integer, option, string as stringFlag} from '@oclif/core/flags';
import {BaseCommand} from '../terminal/baseCommand.ts';
import type {InitResult} from '../workflows/init.ts';

export default class Init extends BaseCommand {
  static override summary = 'Write a commented edgewise.yaml, and a CI workflow that plans and rolls out.';
  static override description =
    'With --ci, a pull request is told what changes in the plans, and a merge brings them to the fleet, resumably. Nothing that is there already is written over.';
  static override examples = [
    '<%= config.bin %> init --model model.onnx',
    '<%= config.bin %> init --ci github --shards 4',
  ];
  static override flags = {
    project: stringFlag({
      char: 'C',
      description: 'folder to write edgewise.yaml into',
      default: '.',
      helpValue: 'DIR',
    }),
    model: stringFlag({description: 'ONNX file; the only one there when left out', helpValue: 'FILE'}),
    ci: option({
      options: ['github', 'gitlab'] as const,
      description: 'also write the workflow for this CI, at the root of the repository',
    })(),
    shards: integer({
      description: 'CI jobs that share the fleet; 1 when left out',
      min: 1,
      max: 256,
      helpValue: 'COUNT',
      dependsOn: ['ci'],
    }),
  };

  async run(): Promise<InitResult> {
    const {flags} = await this.parse(Init);
    const {init} = await import('../workflows/init.ts');
    const result = await init({
      folder: flags.project,
      ...(flags.model === undefined ? {} : {model: flags.model}),
      ci: flags.ci ?? null,
      shards: flags.shards ?? 1,
    });
    this.show(
      [
        ...result.written.map(file => `Written: ${file}`),
        ...result.kept.map(file => `Stays as it is: ${file}`),
        '',
        'Next:',
        ...result.next.map(text => `  ${text}`),
      ].join('\n'),
    );
    return result;
  }
}
