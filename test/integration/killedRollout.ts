// A rollout in a process of its own. It begins when it is told to on its standard input, tells how it ended on stderr, and is
// killed right after its N-th record is on the disk (0: never).
import {join} from 'node:path';
import {once} from 'node:events';
import {ExpectedError} from '../../src/errors.ts';
import {collectRuntimeFiles} from '../../src/workspace/runtimeFiles.ts';
import {readSigningKey} from '../../src/workspace/signingKey.ts';
import {openStore} from '../../src/workspace/store.ts';
import {connectLocal} from './deployDevice.ts';
import {createTestJournal, driveTestRollout, type FleetDevice, type TestRollout} from './rolloutFleet.ts';

const [folder = '', journalFolder = '', killAfter = '', rolloutText = '', ...places] = process.argv.slice(2);
const key = await readSigningKey(join(folder, 'key.pem'));
if (key === null) throw new Error('the workshop has no key');
const fleet = new Map<string, FleetDevice>(
  places.map(place => {
    const [name = '', home = '', port = ''] = place.split('=');
    return [
      name,
      {
        port: Number(port),
        async withMachine(work) {
          const machine = await connectLocal(home, {});
          try {
            return await work(machine);
          } finally {
            await machine.close();
          }
        },
      },
    ];
  }),
);
const rollout = JSON.parse(rolloutText) as TestRollout;
const journal = await createTestJournal(journalFolder, [...fleet.keys()], rollout);
let appended = 0;
const shop = {
  store: openStore(join(folder, 'store')),
  key,
  runtime: await collectRuntimeFiles(process.arch === 'arm64' ? 'arm64' : 'x64'),
};
process.stderr.write('ready\n');
await once(process.stdin, 'data');
process.stdin.destroy();
try {
  const {ended} = await driveTestRollout(
    shop,
    fleet,
    {
      ...journal,
      async append(record) {
        await journal.append(record);
        appended++;
        if (appended === Number(killAfter)) process.kill(process.pid, 'SIGKILL');
      },
    },
    rollout,
  );
  process.stderr.write(JSON.stringify({outcome: ended?.outcome}));
} catch (error) {
  if (!(error instanceof ExpectedError)) throw error;
  process.stderr.write(JSON.stringify({code: error.code, message: error.message}));
  process.exitCode = error.exitCode;
}
