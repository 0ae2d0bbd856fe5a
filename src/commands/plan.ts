import {string as stringArgument} from '@oclif/core/args';
import type {PlacementAnswer} from '../documents/placementAnswer.ts';
import type {ParetoGoals} from '../documents/planPareto.ts';
import type {PrecisionWish} from '../documents/planPrecision.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {widthOf} from '../terminal/formatTable.ts';
import {goalsFromFlags} from '../terminal/goalFlags.ts';
import {paretoFromFlag} from '../terminal/paretoFlag.ts';
import {planFlags, verifyFromFlags} from '../terminal/planFlags.ts';
import type {MadePlans} from '../workflows/plan.ts';

export default class Plan extends BaseCommand {
  static override summary =
    'Decide, provably best under what was measured, which layers run on the device and which in the cloud.';
  static override description =
    'One plan per class of devices: a group of edgewise.yaml, or devices that their profiles show to be alike. Writes plans/<class>.yaml, to be reviewed, committed and pushed; of a device that is named, or that no other is like, plans/<device>.yaml. Where the project says how often devices ask, the load of the cloud they share is checked and priced. With --from-costs it writes nothing: the answer to a table of costs, over any number of tiers, needs no project, model or device.';
  static override examples = [
    '<%= config.bin %> plan',
    '<%= config.bin %> plan pi-1 --keep-raw-input-on-device',
    "<%= config.bin %> plan pi-1 --objective energy --max-latency '80 ms'",
    '<%= config.bin %> plan pi-1 --pareto latency,energy',
    '<%= config.bin %> plan pi-1 --verify',
    "<%= config.bin %> plan pi-1 --pin '*=device' --output plans/pi-1.device-only.yaml",
    '<%= config.bin %> plan --check --markdown changes.md',
    '<%= config.bin %> plan --from-costs costs.yaml --json',
  ];
  static override strict = false;
  static override args = {
    // What is piped in is a table of costs.
    device: stringArgument({
      description: 'device or group to plan for; the whole fleet, class by class, without one',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    ...projectFlags,
    ...planFlags,
  };

  async run(): Promise<MadePlans | PlacementAnswer> {
    const {argv, flags} = await this.parse(Plan);
    const costsFile = flags['from-costs'];
    const pareto = paretoFromFlag(flags.pareto);
    if (costsFile !== undefined) return this.#planFromCosts(costsFile, argv as string[], pareto);
    const {plan} = await import('../workflows/plan.ts');
    const made = await plan(
      {
        projectPath: flags.project,
        devices: argv as string[],
        goals: {...goalsFromFlags(flags), ...(pareto === undefined ? {} : {pareto})},
        estimate: flags.estimate,
        ...(flags.precision === undefined ? {} : {precision: flags.precision as PrecisionWish}),
        ...(flags['max-drop'] === undefined ? {} : {maxDrop: flags['max-drop']}),
        ...verifyFromFlags(flags),
        ...(flags.output === undefined ? {} : {output: flags.output}),
        checksOnly: flags.check,
        ...(flags.against === undefined ? {} : {against: flags.against}),
        ...(flags.markdown === undefined ? {} : {markdownFile: flags.markdown}),
      },
      this.emit,
    );
    await this.endProgress();
    const width = widthOf(process.stdout);
    const {textFromPlans} = await import('../terminal/textFromFleetPlan.ts');
    const {plans, fleet, isUpToDate} = made;
    if (!flags.check) this.show(textFromPlans(fleet, plans, width));
    else {
      const {textFromPlanChanges} = await import('../terminal/textFromPlanChanges.ts');
      this.show(textFromPlanChanges(made, width));
      process.exitCode = isUpToDate ? EXIT.ok : EXIT.verdictNo;
    }
    return made;
  }

  async #planFromCosts(file: string, devices: string[], pareto?: ParetoGoals): Promise<PlacementAnswer> {
    if (devices.length > 0)
      throw new ExpectedError(
        'wrong-usage',
        `--from-costs plans for the tiers of a table, not for a device such as ${devices[0]}.`,
        EXIT.usage,
        {hints: [`edgewise plan --from-costs ${file}`, `edgewise plan ${devices.join(' ')}`]},
      );
    const {planFromCosts} = await import('../workflows/planFromCosts.ts');
    const answer = await planFromCosts(file, pareto);
    const {textFromPlacement} = await import('../terminal/textFromPlacement.ts');
    this.show(textFromPlacement(answer, widthOf(process.stdout)));
    return answer;
  }
}
