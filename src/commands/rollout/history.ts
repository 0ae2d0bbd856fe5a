import type {RolloutSummary} from '../../documents/rollout.ts';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';
import {formatTable, widthOf} from '../../terminal/formatTable.ts';

export default class RolloutHistory extends BaseCommand {
  static override summary = 'All rollouts of this folder, oldest first.';
  static override examples = ['<%= config.bin %> rollout history'];
  static override flags = {...projectFlags};

  async run(): Promise<{rollouts: RolloutSummary[]}> {
    const {flags} = await this.parse(RolloutHistory);
    const {listRollouts} = await import('../../workflows/rollout/rollout.ts');
    const rollouts = await listRollouts(flags.project);
    const rows = rollouts.map(({id, startedAt, outcome, devices, reason}) => [
      id,
      startedAt,
      String(devices.length),
      outcome ?? 'not ended',
      reason ?? '',
    ]);
    const columns = [
      {title: 'rollout'},
      {title: 'started'},
      {title: 'devices', align: 'right' as const},
      {title: 'outcome'},
      {title: 'reason', shrinksTo: 24, isWrapped: true},
    ];
    this.show(rows.length === 0 ? 'No rollout yet.' : formatTable(columns, rows, widthOf(process.stdout)));
    return {rollouts};
  }
}
