import {string as stringArgument} from '@oclif/core/args';
import {boolean as booleanFlag} from '@oclif/core/flags';
import type {DeviceState} from '../documents/fleetState.ts';
import {EXIT} from '../errors.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';
import {formatTable, widthOf} from '../terminal/formatTable.ts';

export default class Devices extends BaseCommand {
  static override summary =
    'The fleet: address, target, whether it answers, what it serves, and where that drifts.';
  static override description =
    'With --check every device is held against its plan: release, runtime, agent, and every byte of its files. Exit 1 when one differs or cannot be asked.';
  static override examples = ['<%= config.bin %> devices', '<%= config.bin %> devices --check --json'];
  static override strict = false;
  static override args = {devices: stringArgument({description: 'devices; all when left out'})};
  static override flags = {
    ...projectFlags,
    ...connectFlags,
    check: booleanFlag({description: 'hold every device against its plan', default: false}),
  };

  async run(): Promise<{devices: DeviceState[]}> {
    const {argv, flags} = await this.parse(Devices);
    const {listDevices} = await import('../workflows/devices.ts');
    const devices = await listDevices(
      {
        projectPath: flags.project,
        devices: argv as string[],
        check: flags.check,
        connect: connectOptionsFrom(flags),
      },
      this.emit,
    );
    await this.endProgress();
    const columns = [
      {title: 'device', shrinksTo: 12},
      {title: 'address', shrinksTo: 12},
      {title: 'target'},
      {title: 'answers'},
      {title: 'release'},
      {title: flags.check ? 'drift' : 'problem', shrinksTo: 24, isWrapped: true},
    ];
    const rows = devices.map(({device, address, target, isReachable, currentRelease, drift, problem}) => [
      device,
      address,
      target ?? '–',
      isReachable ? 'yes' : 'no',
      currentRelease ?? '–',
      problem ?? (drift.length > 0 ? drift.join('; ') : flags.check ? 'none' : ''),
    ]);
    this.show(formatTable(columns, rows, widthOf(process.stdout)));
    const differs = devices.some(({drift, problem}) => drift.length > 0 || problem !== null);
    if (flags.check && differs) process.exitCode = EXIT.verdictNo;
    return {devices};
  }
}
