import type {RolloutSummary} from '../documents/rollout.ts';
import type {ForeseenSending} from '../documents/savedBytes.ts';
import {formatBytes, formatMs} from './formatNumbers.ts';
import {formatTable} from './formatTable.ts';

interface Preview {
  readonly summary: RolloutSummary;
  readonly soakMs: number;
  /** Why a device could not be asked, by its name. */
  readonly problems: Readonly<Record<string, string>>;
  /** What a device lacks, by its name. */
  readonly sending: Readonly<Record<string, ForeseenSending>>;
}

/** Every step of every device, in order, as `rollout start` would do it now. */
export function textFromRolloutPreview({summary, soakMs, problems, sending}: Preview, width: number): string {
  const {id, waves, devices} = summary;
  return [
    `Rollout ${id}: ${devices.length} devices in ${waves.length} waves. Nothing has been changed.`,
    ...waves.flatMap(({wave}) => [
      '',
      `Wave ${wave}, then soak for ${formatMs(soakMs)} and judge:`,
      formatTable(
        [
          {title: 'device', shrinksTo: 12},
          {title: 'class', shrinksTo: 8},
          {title: 'steps', shrinksTo: 24, isWrapped: true},
        ],
        devices
          .filter(each => each.wave === wave)
          .map(({device, hardwareClass}) => [
            device,
            hardwareClass,
            problems[device] === undefined
              ? `${textFromStaging(sending[device])}, switch, check, confirm`
              : `left for later: ${problems[device]}`,
          ]),
        width,
      ),
    ]),
  ].join('\n');
}

/** Compression and deltas may make it less; how much is known only once it is done. */
function textFromStaging(sending: ForeseenSending | undefined): string {
  if (sending === undefined) return 'stage';
  const {lackingBytes, fileBytes} = sending;
  const size = formatBytes(fileBytes);
  if (lackingBytes === 0) return `stage (all of ${size} is there)`;
  return `stage (send at most ${formatBytes(lackingBytes)} of ${size})`;
}
