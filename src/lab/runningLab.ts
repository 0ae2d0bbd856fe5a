import {rm} from 'node:fs/promises';
import {spawn} from 'node:child_process';
import {userInfo} from 'node:os';
import {fileURLToPath} from 'node:url';
import {startCloudServer, type CloudServer} from './cloudServer.ts';
import {chooseCores, pinningPrefix} from './corePinning.ts';
import {readStartTime} from './deviceProcesses.ts';
import {startGovernor} from './governor.ts';
import {
  labPaths,
  makePrivateFolder,
  readLabMemory,
  readLabState,
  readOrCreateLabKeys,
  writeLabMemory,
  writePrivateFile,
  writeSshFiles,
  type LabMemory,
} from './labFiles.ts';
import {deviceMarker, endMarkedProcesses, labMarker} from './labProcesses.ts';
import type {LabSpec, LabState} from './labSpec.ts';
import type {LinkConditions, LinkStatistics} from './linkConditions.ts';
import {startLinkRelay, type LinkRelay} from './linkRelay.ts';
import {siblingModule} from './siblingModule.ts';
import {startSshServer} from './sshServer.ts';

export interface RunningLab {
  readonly state: LabState;
  setLink(change: Partial<LinkConditions>): Promise<void>;
  setCloud(isRunning: boolean): Promise<void>;
  readStatistics(): Promise<LinkStatistics | null>;
  close(): Promise<void>;
}

interface Closable {
  close(): Promise<void>;
}

/** Everything a lab consists of, in this process and its children. What had started is stopped when something fails. */
export async function runLab(
  directory: string,
  spec: LabSpec,
  writeLog: (line: string) => void,
): Promise<RunningLab> {
  const parts: Closable[] = [];
  const memory = await readLabMemory(directory);
  const closeAll = async (): Promise<void> => {
    for (const part of parts.reverse())
      await part.close().catch((error: unknown) => writeLog(`close: ${String(error)}`));
    await endMarkedProcesses(labMarker(memory.id));
    const state = await readLabState(directory);
    if (state?.pid === process.pid) await rm(labPaths(directory).state, {force: true});
  };
  try {
    return await startParts(directory, spec, writeLog, memory, parts, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function startParts(
  directory: string,
  spec: LabSpec,
  writeLog: (line: string) => void,
  memory: LabMemory,
  parts: Closable[],
  closeAll: () => Promise<void>,
): Promise<RunningLab> {
  const paths = labPaths(directory);
  // Before anything else starts, so that nothing can be left behind.
  startKeeper(memory.id);
  const environment = {EDGEWISE_LAB: memory.id};
  const devices = await startDevices(directory, spec, memory, parts, environment, writeLog);

  let link: LinkConditions = {
    upBitsPerSecond: spec.link.mbitPerSecond * 1e6,
    downBitsPerSecond: spec.link.mbitPerSecond * 1e6,
    roundTripMs: spec.link.roundTripMs,
    jitterMs: spec.link.jitterMs ?? 0,
    isUp: true,
  };
  const {cloudCommand} = spec;
  let cloud: CloudServer | null = null;
  let relay: LinkRelay | null = null;
  const startCloud = async (): Promise<CloudServer> => {
    const argv = (cloudCommand ?? []).map(argument =>
      argument.replaceAll('{port}', String(memory.cloudPort ?? 0)),
    );
    const started = await startCloudServer(argv, environment, writeLog);
    memory.cloudPort = started.port;
    relay?.setTarget('127.0.0.1', started.port);
    return started;
  };
  if (cloudCommand !== null) {
    cloud = await startCloud();
    parts.push({close: async () => cloud?.stop()});
    relay = await startLinkRelay({
      ...link,
      targetHost: '127.0.0.1',
      targetPort: cloud.port,
      listenPort: memory.linkPort ?? 0,
    });
    parts.push(relay);
    memory.linkPort = relay.port;
  }
  await writeLabMemory(directory, memory);

  const startedAt = new Date().toISOString();
  const describe = (): LabState => ({
    kind: 'edgewise/lab',
    formatVersion: 1,
    id: memory.id,
    pid: process.pid,
    startTime: readStartTime(process.pid) ?? 0,
    startedAt,
    sshConfigFile: paths.sshConfig,
    knownHostsFile: paths.knownHosts,
    identityFile: paths.identity,
    devices,
    link: {port: relay?.port ?? null, ...link},
    cloud:
      cloud === null || relay === null
        ? null
        : {
            url: `http://127.0.0.1:${relay.port}`,
            managementUrl: `http://127.0.0.1:${cloud.port}`,
            pid: cloud.isRunning() ? cloud.pid : null,
          },
  });
  const saveState = (): Promise<void> =>
    writePrivateFile(paths.state, `${JSON.stringify(describe(), null, 2)}\n`);
  await saveState();

  return {
    get state() {
      return describe();
    },
    async setLink(change) {
      link = {...link, ...change};
      relay?.setConditions(change);
      await saveState();
    },
    async setCloud(isRunning) {
      if (cloudCommand === null || cloud?.isRunning() === isRunning) return;
      if (isRunning) cloud = await startCloud();
      else await cloud?.stop();
      await writeLabMemory(directory, memory);
      await saveState();
    },
    readStatistics: async () => (relay === null ? null : relay.statistics()),
    close: closeAll,
  };
}

async function startDevices(
  directory: string,
  spec: LabSpec,
  memory: LabMemory,
  parts: Closable[],
  environment: Readonly<Record<string, string>>,
  writeLog: (line: string) => void,
): Promise<LabState['devices']> {
  const paths = labPaths(directory);
  const keys = await readOrCreateLabKeys(
    directory,
    spec.devices.map(({name}) => name),
  );
  const started: LabState['devices'] = [];
  const sshFiles: {name: string; port: number; hostPublicKey: string}[] = [];
  let coreOffset = 0;
  for (const {name, slowdown, cores} of spec.devices) {
    const home = paths.home(name);
    await makePrivateFolder(home);
    const hostKeys = keys.host[name];
    if (hostKeys === undefined) throw new Error(`no host key was made for ${name}`);
    const marker = deviceMarker(memory.id, name);
    const deviceCores = chooseCores(cores, coreOffset);
    const settings = {marker, slowdown, cores, deviceCores};
    const governor = slowdown > 1 ? await startGovernor(settings, writeLog) : null;
    if (governor !== null) parts.push(governor);
    const server = await startSshServer({
      home,
      hostKey: hostKeys.privateKey,
      authorizedKeys: [keys.user.publicKey],
      deviceName: name,
      port: memory.devicePorts[name] ?? 0,
      environment: {...environment, EDGEWISE_LAB_DEVICE: marker.slice(marker.indexOf('=') + 1)},
      commandPrefix: pinningPrefix(deviceCores),
      onSpawn: pid => governor?.addProcess(pid),
    });
    parts.push(server);
    coreOffset += cores;
    memory.devicePorts[name] = server.port;
    started.push({
      name,
      slowdown,
      cores,
      host: '127.0.0.1',
      port: server.port,
      user: userInfo().username,
      home,
    });
    sshFiles.push({name, port: server.port, hostPublicKey: hostKeys.publicKey});
  }
  await writeSshFiles(directory, sshFiles);
  return started;
}

function startKeeper(id: string): void {
  const keeper = spawn(
    process.execPath,
    [fileURLToPath(siblingModule(import.meta.url, 'labKeeper')), labMarker(id)],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    },
  );
  keeper.stdin.on('error', () => {});
  // It must not keep the daemon alive: the daemon's end is what it waits for.
  keeper.unref();
  (keeper.stdin as unknown as {unref?: () => void}).unref?.();
}
