import {appendFile, mkdir, writeFile} from 'node:fs/promises';
import {dirname} from 'node:path';
import type {RolloutSummary} from '../../documents/rollout.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {junitFromRollout} from '../../rollout/junitFromRollout.ts';
import {markdownFromRollout} from '../../rollout/markdownFromRollout.ts';

export interface RolloutReports {
  readonly junitFile?: string | undefined;
  readonly stepSummaryFile?: string | undefined;
}

/**
 * Writes what CI shows: JUnit XML where it is wanted, and the job's summary where the CI offers one.
 * @throws ExpectedError `report-not-written`
 */
export async function reportRollout(
  summary: RolloutSummary,
  {junitFile, stepSummaryFile}: RolloutReports,
): Promise<void> {
  try {
    if (junitFile !== undefined) {
      await mkdir(dirname(junitFile), {recursive: true});
      await writeFile(junitFile, junitFromRollout(summary));
    }
    if (stepSummaryFile !== undefined && stepSummaryFile !== '')
      await appendFile(stepSummaryFile, markdownFromRollout(summary));
  } catch (error) {
    throw new ExpectedError(
      'report-not-written',
      `The rollout's report cannot be written: ${messageOf(error)}.`,
      EXIT.commandFailed,
      {cause: error},
    );
  }
}
