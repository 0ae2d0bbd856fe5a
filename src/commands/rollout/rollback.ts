import type {RolloutSummary} from '../../documents/rollout.ts';
import {RolloutCommand} from '../../terminal/rolloutCommand.ts';
import {rolloutFlags, rolloutRequestFrom} from '../../terminal/rolloutFlags.ts';

export default class RolloutRollback extends RolloutCommand {
  static override summary = 'Take the release of a rollout back on all devices, long after it has ended.';
  static override description =
    'Every device goes back to the release before, in parallel; one that cannot does not stop the others (exit 15).';
  static override examples = ['<%= config.bin %> rollout rollback'];
  static override flags = {...rolloutFlags};

  async run(): Promise<RolloutSummary> {
    const {flags} = await this.parse(RolloutRollback);
    this.followEvents(flags.output);
    const {resumeRollout} = await import('../../workflows/rollout/rollout.ts');
    const summary = await resumeRollout(
      rolloutRequestFrom(flags, []),
      {kind: 'take-back', reason: 'it was rolled back by hand'},
      this.emit,
    );
    return this.finish(summary);
  }
}
