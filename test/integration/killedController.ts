// A controller in a process of its own: deploys release 2 to a device of the workshop. Dies where the environment says.
import {readSigningKey} from '../../src/workspace/signingKey.ts';
import {collectRuntimeFiles} from '../../src/workspace/runtimeFiles.ts';
import {openStore} from '../../src/workspace/store.ts';
import {join} from 'node:path';
import {connectLocal, deployAdding, newWeights} from './deployDevice.ts';

const [folder = '', home = '', port = ''] = process.argv.slice(2);
const key = await readSigningKey(join(folder, 'key.pem'));
if (key === null) throw new Error('the workshop has no key');
const workshop = {
  folder,
  store: openStore(join(folder, 'store')),
  key,
  runtime: await collectRuntimeFiles(process.arch === 'arm64' ? 'arm64' : 'x64'),
};
await deployAdding(
  workshop,
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
  2,
  {leaseSeconds: 2, weights: [newWeights('controller')], parts: {confirmWithinMs: 2500, keepCount: 1}},
);
