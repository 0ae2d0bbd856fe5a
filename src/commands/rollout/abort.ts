import type {RolloutSummary} from '../../documents/rollout.ts';
import {RolloutCommand} from '../../terminal/rolloutCommand.ts';
import {rolloutFlags, rolloutRequestFrom} from '../../terminal/rolloutFlags.ts';

export default class RolloutAbort extends RolloutCommand {
  static override summary = 'Stop a rollout and take the release back wherever it is.';
  static override description = 'A controller that still runs holds its devices: end it first, with Ctrl-C.';
  static override examples = ['<%= config.bin %> rollout abort'];
  static override flags = {...rolloutFlags};

  async run(): Promise<RolloutSummary> {
    const {flags} = await this.parse(RolloutAbort);
    this.followEvents(flags.output);
    const {resumeRollout} = await import('../../workflows/rollout/rollout.ts');
    const summary = await resumeRollout(
      rolloutRequestFrom(flags, []),
      {kind: 'take-back', reason: 'it was aborted by hand'},
      this.emit,
    );
    return this.finish(summary);
  }
}
