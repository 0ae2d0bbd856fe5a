// Ships one file to many devices, as a push does with a blob. Its only argument is a file with the order.
import {readFile, stat} from 'node:fs/promises';
import {userInfo} from 'node:os';
import {join} from 'node:path';
import {connectMachine} from '../../src/device/connectMachine.ts';
import {withDeviceLock} from '../../src/workflows/deploy/deviceLock.ts';
import {sendMissingBlobs} from '../../src/workflows/deploy/shipFiles.ts';
import {CONNECTIONS} from '../../src/workflows/rollout/lookAtFleet.ts';
import {forEachLimited} from '../../src/workflows/rollout/forEachLimited.ts';
import {digestOfFile} from '../../src/workspace/digest.ts';

interface ShippingOrder {
  readonly folder: string;
  readonly file: string;
  readonly members: readonly {readonly name: string; readonly port: number}[];
}

const {folder, file, members} = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as ShippingOrder;
const digest = await digestOfFile(file);
const shipped = {path: 'file', source: file, digest, sizeBytes: (await stat(file)).size};
await forEachLimited(members, CONNECTIONS, async ({name, port}) => {
  const machine = await connectMachine(
    {name, address: '127.0.0.1', port, user: userInfo().username, identityFile: join(folder, 'user_key')},
    {
      acceptNewHostKeys: false,
      configFile: 'none',
      knownHostsFile: join(folder, 'known_hosts'),
      environment: {HOME: folder},
    },
  );
  try {
    await withDeviceLock(machine, () => sendMissingBlobs(machine, [shipped]));
  } finally {
    await machine.close();
  }
});
