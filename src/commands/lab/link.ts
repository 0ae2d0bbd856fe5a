import {boolean as booleanFlag} from '@oclif/core/flags';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';
import {numberFlag} from '../../terminal/numberFlag.ts';
import {textFromLink} from '../../terminal/textFromLab.ts';
import type {LabLink as Link} from '../../workflows/lab.ts';

export default class LabLink extends BaseCommand {
  static override summary = "Look at the running lab's link, or change it: rate, delay, or the plug.";
  static override examples = [
    '<%= config.bin %> lab link',
    '<%= config.bin %> lab link --mbit 5 --rtt-ms 80',
    '<%= config.bin %> lab link --cut',
  ];
  static override flags = {
    ...projectFlags,
    mbit: numberFlag({description: 'rate both ways, in Mbit/s', min: 0.001}),
    'rtt-ms': numberFlag({description: 'round-trip time, in milliseconds', min: 0}),
    cut: booleanFlag({description: 'pull the plug; --no-cut puts it back', allowNo: true}),
  };

  async run(): Promise<Link> {
    const {flags} = await this.parse(LabLink);
    const {labLink} = await import('../../workflows/lab.ts');
    const link = await labLink(flags.project, {
      ...(flags.mbit === undefined ? {} : {mbitPerSecond: flags.mbit}),
      ...(flags['rtt-ms'] === undefined ? {} : {roundTripMs: flags['rtt-ms']}),
      ...(flags.cut === undefined ? {} : {isUp: !flags.cut}),
    });
    this.show(textFromLink(link));
    return link;
  }
}
