import {string as stringArgument} from '@oclif/core/args';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';
import type {PushResult} from '../workflows/push.ts';

export default class Push extends BaseCommand {
  static override summary = "Ship a plan's release to its device and make it the one that serves.";
  static override description =
    'Sends only what the device lacks, checks every file there by its SHA-256, and switches by one rename. The old release answers until the new one does; if that does not come up, the old one serves again. A second push changes nothing.';
  static override examples = ['<%= config.bin %> push plans/pi-1.yaml'];
  static override args = {plan: stringArgument({description: 'plan file', required: true})};
  static override flags = {...projectFlags, ...connectFlags};

  async run(): Promise<PushResult> {
    const {args, flags} = await this.parse(Push);
    const {push} = await import('../workflows/push.ts');
    const result = await push(
      {projectPath: flags.project, planFile: args.plan, connect: connectOptionsFrom(flags)},
      this.emit,
    );
    await this.endProgress();
    const {formatBytes} = await import('../terminal/formatNumbers.ts');
    this.show(
      result.outcome === 'unchanged'
        ? `${result.device} already serves release ${result.release}: nothing to change.`
        : `${result.device} serves release ${result.release} on its port ${result.endpointPort} (${result.sentFiles} files, ${formatBytes(result.sentBytes)} sent).`,
    );
    return result;
  }
}
