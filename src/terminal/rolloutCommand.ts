import type {RolloutOutcome, RolloutSummary} from '../documents/rollout.ts';
import {EXIT} from '../errors.ts';
import {BaseCommand} from './baseCommand.ts';
import {widthOf} from './formatTable.ts';
import {textFromRollout} from './textFromRollout.ts';

const EXIT_OF_OUTCOME: Readonly<Record<RolloutOutcome, number>> = {
  complete: EXIT.ok,
  'waiting-for-approval': EXIT.ok,
  paused: EXIT.verdictNo,
  reverted: EXIT.verdictNo,
  partial: EXIT.unreachable,
  'revert-incomplete': EXIT.rollbackFailed,
};

/** What the commands that carry a rollout on have in common: how it ended, in text and in the exit code. */
export abstract class RolloutCommand extends BaseCommand {
  protected async finish(summary: RolloutSummary): Promise<RolloutSummary> {
    await this.endProgress();
    this.show(textFromRollout(summary, widthOf(process.stdout)));
    process.exitCode = summary.outcome === null ? EXIT.verdictNo : EXIT_OF_OUTCOME[summary.outcome];
    return summary;
  }
}
