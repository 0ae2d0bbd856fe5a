import type {CommandResult, Machine} from '../../device/machine.ts';
import {EXIT, ExpectedError} from '../../errors.ts';

/** What a device's own tools print (strerror of the C library, in the C locale) when they cannot write. */
const REASONS = [
  {text: 'No space left on device', code: 'disk-full', why: 'has no room left for', command: 'df -h'},
  {text: 'Disk quota exceeded', code: 'disk-full', why: 'has used up its quota before', command: 'quota'},
  {text: 'Read-only file system', code: 'device-read-only', why: 'cannot write', command: 'mount'},
  {text: 'Permission denied', code: 'device-read-only', why: 'may not write', command: 'ls -la .edgewise'},
] as const;

export function explainFailedWrite(
  machine: Machine,
  result: CommandResult,
  totalBytes: number,
): ExpectedError {
  const size = `${(totalBytes / 1e6).toFixed(1)} MB`;
  const reason = REASONS.find(({text}) => result.stderr.includes(text));
  if (reason !== undefined)
    return new ExpectedError(
      reason.code,
      `${machine.name} ${reason.why} what is sent (${size}): ${reason.text}.`,
      EXIT.commandFailed,
      {hints: [`ssh ${machine.name} ${reason.command}`]},
    );
  const said = result.stderr.trim().split('\n').slice(-3).join('; ');
  const how =
    result.exitStatus === null ? `was ended by ${result.signal}` : `exited with ${result.exitStatus}`;
  return new ExpectedError(
    'upload-failed',
    `What wrote the ${size} on ${machine.name} ${how}${said === '' ? '' : `: ${said}`}.`,
    EXIT.commandFailed,
    {hints: [`ssh ${machine.name} df -h`]},
  );
}
