import {string as stringArgument} from '@oclif/core/args';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';

export default class LabCloud extends BaseCommand {
  static override summary = "Stop or start the running lab's cloud, to see what a device does without it.";
  static override examples = ['<%= config.bin %> lab cloud stop', '<%= config.bin %> lab cloud start'];
  static override args = {
    action: stringArgument({description: 'what to do', required: true, options: ['start', 'stop']}),
  };
  static override flags = {...projectFlags};

  async run(): Promise<{isRunning: boolean}> {
    const {args, flags} = await this.parse(LabCloud);
    const {labCloud} = await import('../../workflows/lab.ts');
    const isRunning = args.action === 'start';
    await labCloud(flags.project, isRunning);
    this.show(`The lab's cloud is ${isRunning ? 'running' : 'stopped'}.`);
    return {isRunning};
  }
}
