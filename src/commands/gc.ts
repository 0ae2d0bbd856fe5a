import {string as stringArgument} from '@oclif/core/args';
import {boolean as booleanFlag} from '@oclif/core/flags';
import type {Garbage} from '../documents/garbage.ts';
import {EXIT} from '../errors.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';
import {widthOf} from '../terminal/formatTable.ts';

export default class Gc extends BaseCommand {
  static override summary =
    'Remove releases, runtimes and files that nothing needs, here and on the devices.';
  static override description =
    'Never what is current, previous or pending on a device, nor what a document of the project names. What is removed here is made again when it is needed. A device that cannot be reached does not keep the others from being looked at; the exit code is then 12.';
  static override examples = ['<%= config.bin %> gc --dry-run', '<%= config.bin %> gc pi-1'];
  static override strict = false;
  static override args = {device: stringArgument({description: 'device to look at; all without one'})};
  static override flags = {
    ...projectFlags,
    ...connectFlags,
    'dry-run': booleanFlag({description: 'only say what would be removed', default: false}),
  };

  async run(): Promise<Garbage> {
    const {argv, flags} = await this.parse(Gc);
    const {gc} = await import('../workflows/gc.ts');
    const garbage = await gc(
      {
        projectPath: flags.project,
        devices: argv as string[],
        isDryRun: flags['dry-run'],
        connect: connectOptionsFrom(flags),
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromGarbage} = await import('../terminal/textFromGarbage.ts');
    this.show(textFromGarbage(garbage, widthOf(process.stdout)));
    if (garbage.devices.some(({problem}) => problem !== null)) process.exitCode = EXIT.commandFailed;
    return garbage;
  }
}
