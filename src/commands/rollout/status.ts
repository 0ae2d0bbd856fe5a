import {EXIT, ExpectedError} from '../../errors.ts';
import type {RolloutSummary} from '../../documents/rollout.ts';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';
import {widthOf} from '../../terminal/formatTable.ts';
import {textFromRollout} from '../../terminal/textFromRollout.ts';

export default class RolloutStatus extends BaseCommand {
  static override summary = 'How far the last rollout of this folder is.';
  static override examples = ['<%= config.bin %> rollout status --json'];
  static override flags = {...projectFlags};

  async run(): Promise<RolloutSummary> {
    const {flags} = await this.parse(RolloutStatus);
    const {listRollouts} = await import('../../workflows/rollout/rollout.ts');
    const last = (await listRollouts(flags.project)).at(-1);
    if (last === undefined) {
      throw new ExpectedError('no-rollout', 'No rollout has been started from this folder.', EXIT.usage, {
        hints: ['edgewise rollout start', 'edgewise rollout resume'],
      });
    }
    this.show(textFromRollout(last, widthOf(process.stdout)));
    return last;
  }
}
