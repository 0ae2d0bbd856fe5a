import {string as stringArgument} from '@oclif/core/args';
import type {Readiness} from '../documents/readiness.ts';
import {EXIT} from '../errors.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';
import {widthOf} from '../terminal/formatTable.ts';

export default class Doctor extends BaseCommand {
  static override summary =
    'Say whether this machine, the cloud and each device are ready, and what is missing.';
  static override description =
    'Looks at Node, ONNX Runtime and the runtime for devices here; at the cloud; and on each device at the connection and host key, architecture, C library, disk, the tool that checks digests, clock, runtime and release. Changes nothing. Exits 1 when something is not ready.';
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor pi-1 --json'];
  static override strict = false;
  static override args = {device: stringArgument({description: 'device to look at; all without one'})};
  static override flags = {...projectFlags, ...connectFlags};

  async run(): Promise<Readiness> {
    const {argv, flags} = await this.parse(Doctor);
    const {doctor} = await import('../workflows/doctor.ts');
    const readiness = await doctor(
      {projectPath: flags.project, devices: argv as string[], connect: connectOptionsFrom(flags)},
      this.emit,
    );
    await this.endProgress();
    const {textFromReadiness} = await import('../terminal/textFromReadiness.ts');
    this.show(textFromReadiness(readiness, widthOf(process.stdout)));
    if (!readiness.isReady) process.exitCode = EXIT.verdictNo;
    return readiness;
  }
}
