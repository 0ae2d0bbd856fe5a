import {string as stringArgument} from '@oclif/core/args';
import {string as stringFlag} from '@oclif/core/flags';
import type {Explanation, WhatIf} from '../documents/explanation.ts';
import type {Tier} from '../documents/plan.ts';
import {BANDWIDTH, DURATION, FACTOR} from '../documents/quantities.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {BaseCommand} from '../terminal/baseCommand.ts';
import {widthOf} from '../terminal/formatTable.ts';
import {moneyFromFlag} from '../terminal/moneyFlag.ts';
import {quantityFromFlag} from '../terminal/quantityFlag.ts';

export default class Explain extends BaseCommand {
  static override summary =
    'Why each layer is where it is, what the runners-up would have cost, and what would change the answer.';
  static override description =
    'With --bandwidth, --rtt, --cloud-slower or --price it says which placement would be the best then and what it would cost, from the plan alone. With --html it also writes a page: the graph with its cut, where the time goes, and the best placement over the bandwidth.';
  static override examples = [
    '<%= config.bin %> explain plans/pi-1.yaml',
    "<%= config.bin %> explain plans/pi-1.yaml --link gateway-cloud --bandwidth '2 Mbit/s'",
    "<%= config.bin %> explain plans/pi-1.yaml --price '0.80 USD'",
    "<%= config.bin %> explain plans/pi-1.yaml --rtt '45 ms' --cloud-slower 2x",
    '<%= config.bin %> explain plans/pi-1.yaml --html pi-1.html --measured answer.json',
  ];
  static override args = {plan: stringArgument({description: 'plan file', required: true})};
  static override flags = {
    bandwidth: stringFlag({
      description:
        'what if the link had this bandwidth upward, and downward in the measured proportion, such as "20 Mbit/s"',
      helpValue: 'BANDWIDTH',
    }),
    link: stringFlag({
      description:
        "which link --bandwidth and --rtt are of, such as gateway-cloud; the device's own when left out",
      options: ['device-gateway', 'gateway-cloud', 'device-cloud'],
      helpValue: 'LINK',
    }),
    rtt: stringFlag({
      description: 'what if the round trip took this long, such as "45 ms"',
      helpValue: 'TIME',
    }),
    'cloud-slower': stringFlag({
      description: 'what if layers took this many times as long in the cloud, such as 2x',
      helpValue: 'FACTOR',
    }),
    price: stringFlag({
      description: 'what if an hour of the cloud cost this much, such as "0.80 USD"',
      helpValue: 'MONEY',
    }),
    html: stringFlag({
      description: 'also write a page for a browser, which needs nothing else',
      helpValue: 'FILE',
    }),
    measured: stringFlag({
      description: 'what "edgewise infer DEVICE --json" printed, to stand beside the prediction on the page',
      helpValue: 'FILE',
      dependsOn: ['html'],
    }),
  };

  async run(): Promise<Explanation> {
    const {args, flags} = await this.parse(Explain);
    const bandwidth = quantityFromFlag('bandwidth', flags.bandwidth, BANDWIDTH);
    const rtt = quantityFromFlag('rtt', flags.rtt, DURATION);
    const cloudSlower = quantityFromFlag('cloud-slower', flags['cloud-slower'], FACTOR);
    const price = moneyFromFlag('price', flags.price);
    const [from, to] = (flags.link?.split('-') ?? []) as Tier[];
    if (from !== undefined && bandwidth === undefined && rtt === undefined)
      throw new ExpectedError('wrong-usage', '--link goes with --bandwidth or --rtt.', EXIT.usage);
    const whatIf: WhatIf = {
      ...(from === undefined || to === undefined ? {} : {link: {from, to}}),
      ...(bandwidth === undefined ? {} : {bandwidthBytesPerSecond: bandwidth}),
      ...(rtt === undefined ? {} : {roundTripMs: rtt}),
      ...(cloudSlower === undefined ? {} : {cloudSlower}),
      ...(price === undefined ? {} : {pricePerHour: price}),
    };
    const {explain} = await import('../workflows/explain.ts');
    const explanation = await explain(args.plan, Object.keys(whatIf).length === 0 ? undefined : whatIf);
    if (flags.html !== undefined) await this.#writePage(args.plan, flags.html, flags.measured);
    const {textFromExplanation} = await import('../terminal/textFromExplanation.ts');
    this.show(textFromExplanation(explanation, widthOf(process.stdout)));
    if (flags.html !== undefined) this.show(`\nWritten to ${flags.html}`);
    return explanation;
  }

  async #writePage(planFile: string, file: string, measuredFile: string | undefined): Promise<void> {
    const {writePlanPage} = await import('../workflows/planPage.ts');
    const {pageFromPlan} = await import('../terminal/page/pageFromPlan.ts');
    await writePlanPage(
      {planFile, file, ...(measuredFile === undefined ? {} : {measuredFile})},
      pageFromPlan,
    );
  }
}
