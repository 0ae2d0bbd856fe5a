import {EXIT, ExpectedError, messageOf} from '../../errors.ts';

/**
 * The user's own measure of a model: the file comes as the last argument (and as EDGEWISE_MODEL), the last number on
 * stdout is the result.
 * @throws ExpectedError `metric-command-failed` with the command's last lines
 */
export async function askMetricCommand(command: readonly string[], modelPath: string): Promise<number> {
  const {execa} = await import('execa');
  const [program = '', ...args] = command;
  const shown = command.join(' ');
  try {
    const {stdout} = await execa(program, [...args, modelPath], {env: {EDGEWISE_MODEL: modelPath}});
    const last = stdout.match(/[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?/g)?.at(-1);
    if (last !== undefined) return Number(last);
    throw new ExpectedError(
      'metric-command-failed',
      `"${shown}" printed no number for ${modelPath}.`,
      EXIT.commandFailed,
    );
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    const lines = messageOf(error).trim().split('\n').slice(-5).join('\n');
    throw new ExpectedError('metric-command-failed', `"${shown}" failed: ${lines}`, EXIT.commandFailed, {
      cause: error,
    });
  }
}
