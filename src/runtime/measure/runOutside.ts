import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {findProgramPath} from '../programPath.ts';

/**
 * What this very program answers to `argv` in a process of its own. Who asks an endpoint has to be one, as the device's own
 * programs are: in ours it would share the event loop.
 * @throws ExpectedError `time-requests-failed`
 */
export async function runOutside<T>(argv: readonly string[], signal?: AbortSignal): Promise<T> {
  try {
    const {stdout} = await promisify(execFile)(process.execPath, [findProgramPath(), ...argv], {
      maxBuffer: 2 ** 26,
      ...(signal === undefined ? {} : {signal}),
    });
    return JSON.parse(stdout) as T;
  } catch (error) {
    const message = `Timing requests in a process of their own failed: ${messageOf(error)}`;
    throw new ExpectedError('time-requests-failed', message, EXIT.commandFailed, {cause: error});
  }
}
