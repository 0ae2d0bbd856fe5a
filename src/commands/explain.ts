import {string as stringArgument} from '@oclif/core/args';
import {string as stringFlag} from '@oclif/core/flags';
import type {Explanation, WhatIf} from '../documents/explanation.ts';
import {BANDWIDTH, DURATION, FACTOR} from '../documents/quantities.ts';
import {BaseCommand} from '../terminal/baseCommand.ts';
import {widthOf} from '../terminal/formatTable.ts';
import {quantityFromFlag} from '../terminal/quantityFlag.ts';

export default class Explain extends BaseCommand {
  static override summary =
    'Why each layer is where it is, what the runners-up would have cost, and what would change the answer.';
  static override description =
    'With --bandwidth, --rtt or --cloud-slower it says which placement would be the best then and what it would cost, from the plan alone.';
  static override examples = [
    '<%= config.bin %> explain plans/pi-1.yaml',
    "<%= config.bin %> explain plans/pi-1.yaml --bandwidth '20 Mbit/s'",
    "<%= config.bin %> explain plans/pi-1.yaml --rtt '45 ms' --cloud-slower 2x",
  ];
  static override args = {plan: stringArgument({description: 'plan file', required: true})};
  static override flags = {
    bandwidth: stringFlag({
      description:
        'what if the link had this bandwidth upward, and downward in the measured proportion, such as "20 Mbit/s"',
      helpValue: 'BANDWIDTH',
    }),
    rtt: stringFlag({
      description: 'what if the round trip took this long, such as "45 ms"',
      helpValue: 'TIME',
    }),
    'cloud-slower': stringFlag({
      description: 'what if layers took this many times as long in the cloud, such as 2x',
      helpValue: 'FACTOR',
    }),
  };

  async run(): Promise<Explanation> {
    const {args, flags} = await this.parse(Explain);
    const bandwidth = quantityFromFlag('bandwidth', flags.bandwidth, BANDWIDTH);
    const rtt = quantityFromFlag('rtt', flags.rtt, DURATION);
    const cloudSlower = quantityFromFlag('cloud-slower', flags['cloud-slower'], FACTOR);
    const whatIf: WhatIf = {
      ...(bandwidth === undefined ? {} : {bandwidthBytesPerSecond: bandwidth}),
      ...(rtt === undefined ? {} : {roundTripMs: rtt}),
      ...(cloudSlower === undefined ? {} : {cloudSlower}),
    };
    const {explain} = await import('../workflows/explain.ts');
    const explanation = await explain(args.plan, Object.keys(whatIf).length === 0 ? undefined : whatIf);
    const {textFromExplanation} = await import('../terminal/textFromExplanation.ts');
    this.show(textFromExplanation(explanation, widthOf(process.stdout)));
    return explanation;
  }
}
