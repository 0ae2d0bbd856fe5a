import {string as stringArgument} from '@oclif/core/args';
import {boolean as booleanFlag, integer as integerFlag} from '@oclif/core/flags';
import {EXIT} from '../errors.ts';
import {widthOf} from '../terminal/formatTable.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';
import {eventFlags} from '../terminal/eventFlags.ts';
import type {PushResult} from '../workflows/push.ts';
import type {MembersPushed} from '../workflows/pushMembers.ts';

export default class Push extends BaseCommand {
  static override summary = "Ship a plan's release to its device and make it the one that serves.";
  static override description =
    'Sends only what the device lacks; the device itself checks signature, number and every file before it switches by one rename. The old release answers until the new one does. If that does not come up, answers wrongly or is not confirmed over a new connection, the device goes back by itself. A second push changes nothing.';
  static override examples = [
    '<%= config.bin %> push plans/pi-1.yaml',
    '<%= config.bin %> push plans/shelves.yaml shelf-1 shelf-2',
  ];
  static override strict = false;
  static override args = {
    plan: stringArgument({description: 'plan file', required: true}),
    device: stringArgument({description: "device of the plan's class; all of them without one"}),
  };
  static override flags = {
    ...projectFlags,
    ...connectFlags,
    ...eventFlags,
    'allow-downgrade': booleanFlag({
      description: 'sign that a plan older than the one that the device has confirmed is meant',
      default: false,
    }),
    force: booleanFlag({
      description: 'push a release that was taken back on this device before',
      default: false,
    }),
    retries: integerFlag({
      description: 'how often to go on where a lost connection left off',
      default: 10,
      min: 0,
    }),
    'take-over': booleanFlag({
      description: 'push to a device that is held for a rollout',
      default: false,
    }),
    'pin-again': booleanFlag({
      description:
        'have the device trust this signing key and this name from now on, whatever it trusted before',
      default: false,
    }),
  };

  async run(): Promise<PushResult | MembersPushed> {
    const {args, argv, flags} = await this.parse(Push);
    this.followEvents(flags.output);
    const {pushMembers} = await import('../workflows/pushMembers.ts');
    const {pushes, unreachable} = await pushMembers(
      {
        projectPath: flags.project,
        planFile: args.plan,
        devices: (argv as string[]).slice(1),
        connect: connectOptionsFrom(flags),
        retries: flags.retries,
        options: {
          allowsDowngrade: flags['allow-downgrade'],
          takesBad: flags.force,
          takesOver: flags['take-over'],
          pinsAgain: flags['pin-again'],
        },
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromPushes} = await import('../terminal/textFromPushes.ts');
    if (pushes.length > 0) this.show(textFromPushes(pushes, widthOf(process.stdout)));
    for (const {device, message} of unreachable) this.show(`${device} was passed over: ${message}`);
    if (unreachable.length > 0) process.exitCode = EXIT.unreachable;
    const [only] = pushes;
    return only !== undefined && pushes.length + unreachable.length === 1 ? only : {pushes, unreachable};
  }
}
