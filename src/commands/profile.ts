import {string as stringArgument} from '@oclif/core/args';
import {boolean as booleanFlag, integer as integerFlag} from '@oclif/core/flags';
import type {Profile as ProfileDocument} from '../documents/profile.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';

export default class Profile extends BaseCommand {
  static override summary = 'Measure hardware, layers and link of devices, and the layers in the cloud.';
  static override description =
    "Ships the runtime to each device, times every layer of the project's model there, and measures the link to the cloud from the device. Writes profiles/<name>.yaml.";
  static override examples = ['<%= config.bin %> profile', '<%= config.bin %> profile pi-1 --runs 100'];
  static override strict = false;
  static override args = {device: stringArgument({description: 'device to profile; all without one'})};
  static override flags = {
    ...projectFlags,
    ...connectFlags,
    runs: integerFlag({
      description: 'timed runs of the model on each machine, and at most as many of what encodes a cut',
      default: 50,
      min: 3,
    }),
    'sustained-seconds': integerFlag({
      description:
        'how long each device runs the model without a pause, to see whether it gets hot and slow; 0: not at all',
      default: 5,
      min: 0,
    }),
    'link-seconds': integerFlag({
      description:
        'how long each link may be measured, and little more than half of that again what handing tensors over it costs',
      default: 10,
      min: 1,
    }),
    encodings: booleanFlag({
      description:
        'measure what rounding and packing a cut costs; with --no-encodings plans send tensors as they are',
      default: true,
      allowNo: true,
    }),
  };

  async run(): Promise<{profiles: {file: string; profile: ProfileDocument}[]}> {
    const {argv, flags} = await this.parse(Profile);
    const {profile} = await import('../workflows/profile.ts');
    const profiles = await profile(
      {
        projectPath: flags.project,
        devices: argv as string[],
        runs: flags.runs,
        sustainedSeconds: flags['sustained-seconds'],
        linkSeconds: flags['link-seconds'],
        hasEncodings: flags.encodings,
        connect: connectOptionsFrom(flags),
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromProfiles} = await import('../terminal/textFromProfiles.ts');
    this.show(textFromProfiles(profiles));
    return {profiles};
  }
}
