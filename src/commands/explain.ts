import {string as stringArgument} from '@oclif/core/args';
import type {Explanation} from '../documents/explanation.ts';
import {BaseCommand} from '../terminal/baseCommand.ts';
import {widthOf} from '../terminal/formatTable.ts';

export default class Explain extends BaseCommand {
  static override summary =
    'Why each layer is where it is, what the runners-up would have cost, and what would change the answer.';
  static override examples = ['<%= config.bin %> explain plans/pi-1.yaml'];
  static override args = {plan: stringArgument({description: 'plan file', required: true})};

  async run(): Promise<Explanation> {
    const {args} = await this.parse(Explain);
    const {explain} = await import('../workflows/explain.ts');
    const explanation = await explain(args.plan);
    const {textFromExplanation} = await import('../terminal/textFromExplanation.ts');
    this.show(textFromExplanation(explanation, widthOf(process.stdout)));
    return explanation;
  }
}
