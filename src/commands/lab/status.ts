import {EXIT} from '../../errors.ts';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';
import {textFromLab} from '../../terminal/textFromLab.ts';
import type {LabStatus as Status} from '../../workflows/lab.ts';

export default class LabStatus extends BaseCommand {
  static override summary = 'What runs in the lab; exit 1 when it does not run.';
  static override flags = {...projectFlags};

  async run(): Promise<Status> {
    const {flags} = await this.parse(LabStatus);
    const {labStatus} = await import('../../workflows/lab.ts');
    const status = await labStatus(flags.project);
    if (status.kind !== 'running') process.exitCode = EXIT.verdictNo;
    this.show(
      status.kind === 'running'
        ? textFromLab(status.state)
        : status.kind === 'died'
          ? 'The lab ended without being told to; `edgewise lab up` starts it again.'
          : 'No lab is running here.',
    );
    return status;
  }
}
