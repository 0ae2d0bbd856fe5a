import {numberFrom, type RuntimeCommand} from '../flagValues.ts';
import {waitForEndSignal} from '../waitForEndSignal.ts';
import {startRequestRelay} from './relayRequests.ts';

/** Without an engine and without documents, so that it is there at once on a slow device too. */
export const RELAY_COMMANDS: Record<string, RuntimeCommand> = {
  relay: {
    options: {port: {type: 'string'}, 'pause-ms': {type: 'string'}},
    async run(values) {
      const pauseMs = numberFrom(values, 'pause-ms', 0, 0);
      const relay = await startRequestRelay(numberFrom(values, 'port', 0, 1), pauseMs);
      // Not on stdout: it is wanted before this ends.
      process.stderr.write(`${JSON.stringify({port: relay.port})}\n`);
      await Promise.race([relay.isDone, waitForEndSignal()]);
      await relay.close();
    },
  },
};
