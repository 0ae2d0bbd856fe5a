import type {RolloutSummary} from '../../documents/rollout.ts';
import {RolloutCommand} from '../../terminal/rolloutCommand.ts';
import {rolloutFlags, rolloutRequestFrom} from '../../terminal/rolloutFlags.ts';

export default class RolloutApprove extends RolloutCommand {
  static override summary = 'Let the wave that waits for approval begin, and go on.';
  static override description = 'Waves that wait are named in edgewise.yaml under rollout.approveBefore.';
  static override examples = ['<%= config.bin %> rollout approve'];
  static override flags = {...rolloutFlags};

  async run(): Promise<RolloutSummary> {
    const {flags} = await this.parse(RolloutApprove);
    this.followEvents(flags.output);
    const {resumeRollout} = await import('../../workflows/rollout/rollout.ts');
    const summary = await resumeRollout(rolloutRequestFrom(flags, []), {kind: 'approve'}, this.emit);
    return this.finish(summary);
  }
}
