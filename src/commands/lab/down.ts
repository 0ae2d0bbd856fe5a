import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';

export default class LabDown extends BaseCommand {
  static override summary = 'Stop the lab and everything its devices started; what is on their disks stays.';
  static override flags = {...projectFlags};

  async run(): Promise<{outcome: 'stopped' | 'not-running'}> {
    const {flags} = await this.parse(LabDown);
    const {labDown} = await import('../../workflows/lab.ts');
    const {kind} = await labDown(flags.project);
    this.show(kind === 'stopped' ? 'The lab is stopped.' : 'No lab is running here.');
    return {outcome: kind};
  }
}
