import {boolean as booleanFlag} from '@oclif/core/flags';
import type {RolloutSummary} from '../../documents/rollout.ts';
import {RolloutCommand} from '../../terminal/rolloutCommand.ts';
import {rolloutFlags, rolloutRequestFrom} from '../../terminal/rolloutFlags.ts';

export default class RolloutResume extends RolloutCommand {
  static override summary = 'Go on with a rollout that was interrupted, paused or left devices for later.';
  static override description =
    'Needs the repository and SSH, not the machine that it was started on: how far it is, is read back from the devices.';
  static override examples = [
    '<%= config.bin %> rollout resume',
    '<%= config.bin %> rollout resume --or-start --junit rollout.xml',
  ];
  static override flags = {
    ...rolloutFlags,
    'or-start': booleanFlag({
      description:
        'start one where nobody knows of any: what CI runs, however often; one that has ended stays so',
      default: false,
    }),
  };

  async run(): Promise<RolloutSummary> {
    const {flags} = await this.parse(RolloutResume);
    this.followEvents(flags.output);
    const {resumeRollout} = await import('../../workflows/rollout/rollout.ts');
    const summary = await resumeRollout(
      rolloutRequestFrom(flags, []),
      {kind: 'resume', startsOne: flags['or-start']},
      this.emit,
    );
    return this.finish(summary);
  }
}
