import {string as stringArgument} from '@oclif/core/args';
import {boolean as booleanFlag} from '@oclif/core/flags';
import type {RolloutSummary} from '../../documents/rollout.ts';
import type {ForeseenSending} from '../../documents/savedBytes.ts';
import {widthOf} from '../../terminal/formatTable.ts';
import {RolloutCommand} from '../../terminal/rolloutCommand.ts';
import {rolloutFlags, rolloutRequestFrom} from '../../terminal/rolloutFlags.ts';
import {textFromRolloutPreview} from '../../terminal/textFromRolloutPreview.ts';

export default class RolloutStart extends RolloutCommand {
  static override summary =
    'Bring the plans to the fleet, wave by wave, and back by itself when a gate fails.';
  static override description =
    'The first wave holds a device of every kind of hardware. After each wave the devices say what they measured; a gate that fails takes everything back, one that cannot tell pauses. Exit 0: complete, or waiting for approval; 1: taken back or paused; 11: some devices are left for later; 15: a device could not be taken back.';
  static override examples = [
    '<%= config.bin %> rollout start --dry-run',
    '<%= config.bin %> rollout start --output ndjson --junit rollout.xml',
  ];
  static override strict = false;
  static override args = {devices: stringArgument({description: 'devices; all when left out'})};
  static override flags = {
    ...rolloutFlags,
    'dry-run': booleanFlag({description: 'say what would be done, and change nothing', default: false}),
  };

  async run(): Promise<RolloutSummary & {readonly sending?: Readonly<Record<string, ForeseenSending>>}> {
    const {argv, flags} = await this.parse(RolloutStart);
    this.followEvents(flags.output);
    const {previewRollout, startRollout} = await import('../../workflows/rollout/rollout.ts');
    const request = rolloutRequestFrom(flags, argv as string[]);
    if (!flags['dry-run']) return this.finish(await startRollout(request, this.emit));
    const preview = await previewRollout(request, this.emit);
    await this.endProgress();
    this.show(textFromRolloutPreview(preview, widthOf(process.stdout)));
    return {...preview.summary, sending: preview.sending};
  }
}
