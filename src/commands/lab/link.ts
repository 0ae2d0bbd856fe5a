import {string as stringArgument} from '@oclif/core/args';
import {boolean as booleanFlag} from '@oclif/core/flags';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';
import {numberFlag} from '../../terminal/numberFlag.ts';
import {textFromLink} from '../../terminal/textFromLab.ts';
import type {LabLink as Link} from '../../workflows/lab.ts';

export default class LabLink extends BaseCommand {
  static override summary = 'Look at a link of the running lab, or change it: rate, delay, or the plug.';
  static override examples = [
    '<%= config.bin %> lab link',
    '<%= config.bin %> lab link --mbit 5 --rtt-ms 80',
    '<%= config.bin %> lab link --cut',
    '<%= config.bin %> lab link gateway-1-cloud --mbit 2',
  ];
  static override args = {
    link: stringArgument({
      description:
        'which link: gateway-1 between that gateway and its devices, gateway-1-cloud between it and the cloud; when left out from the devices to the cloud',
    }),
  };
  static override flags = {
    ...projectFlags,
    mbit: numberFlag({description: 'rate both ways, in Mbit/s', min: 0.001}),
    'rtt-ms': numberFlag({description: 'round-trip time, in milliseconds', min: 0}),
    cut: booleanFlag({description: 'pull the plug; --no-cut puts it back', allowNo: true}),
  };

  async run(): Promise<Link> {
    const {args, flags} = await this.parse(LabLink);
    const {labLink} = await import('../../workflows/lab.ts');
    const change = {
      ...(flags.mbit === undefined ? {} : {mbitPerSecond: flags.mbit}),
      ...(flags['rtt-ms'] === undefined ? {} : {roundTripMs: flags['rtt-ms']}),
      ...(flags.cut === undefined ? {} : {isUp: !flags.cut}),
    };
    const link = await labLink(flags.project, change, args.link);
    this.show(textFromLink(link));
    return link;
  }
}
