import {rm} from 'node:fs/promises';
import {spawn} from 'node:child_process';
import {userInfo} from 'node:os';
import {fileURLToPath} from 'node:url';
import {startCloudServer, type CloudServer} from './cloudServer.ts';
import {chooseCores, coresBesideDevices, pinProcess, pinningPrefix, readAllowedCores} from './corePinning.ts';
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
import {
  CLOUD_LINK,
  conditionsFrom,
  describeGateways,
  linkToCloudOf,
  openGatewayLinks,
} from './labGateways.ts';
import {startLabLinks} from './labLinks.ts';
import {deviceMarker, endMarkedProcesses, labMarker} from './labProcesses.ts';
import type {LabSpec, LabState} from './labSpec.ts';
import type {LinkConditions, LinkStatistics} from './linkConditions.ts';
import {startCoreTaker} from './ownCores/coreTaker.ts';
import {siblingModule} from './siblingModule.ts';
import {startSshServer} from './sshServer.ts';

export interface RunningLab {
  readonly state: LabState;
  /** Without a name: the devices' link to the cloud. @throws ExpectedError `lab-link-unknown` */
  setLink(change: Partial<LinkConditions>, name?: string): Promise<void>;
  setCloud(isRunning: boolean): Promise<void>;
  /** @throws ExpectedError `lab-link-unknown` */
  readStatistics(name?: string): Promise<LinkStatistics | null>;
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
  const {gateways = []} = spec;
  const allowedCores = readAllowedCores();
  const machines = await startDevices(directory, spec, memory, parts, environment, writeLog);
  // The network and its ends are not the device's work: on its cores they would slow it down besides.
  const ownCores = coresBesideDevices(machines.reduce((sum, {cores}) => sum + cores, 0));
  pinProcess(ownCores);
  // The cloud computes while a device waits, and may use all cores, unless they are taken from whoever works on them.
  const cloudCores = ownCores.length === 0 ? [] : spec.ownsCores === true ? ownCores : allowedCores;
  const devices = machines.slice(0, spec.devices.length);

  const links = startLabLinks();
  parts.push(links);
  const {cloudCommand} = spec;
  let cloud: CloudServer | null = null;
  const startCloud = async (): Promise<CloudServer> => {
    const argv = (cloudCommand ?? []).map(argument =>
      argument.replaceAll('{port}', String(memory.cloudPort ?? 0)),
    );
    const started = await startCloudServer(argv, environment, writeLog);
    pinProcess(cloudCores, started.pid);
    memory.cloudPort = started.port;
    for (const name of [CLOUD_LINK, ...gateways.map(gateway => linkToCloudOf(gateway.name))])
      links.setTarget(name, started.port);
    return started;
  };
  if (cloudCommand !== null) {
    cloud = await startCloud();
    parts.push({close: async () => cloud?.stop()});
    const opened = await links.open(CLOUD_LINK, conditionsFrom(spec.link), cloud.port, memory.linkPort ?? 0);
    memory.linkPort = opened.port;
  }
  await openGatewayLinks(gateways, {links, memory, cloudPort: cloud?.port ?? null});
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
    ...(spec.ownsCores === true ? {ownsCores: true} : {}),
    ...(gateways.length === 0
      ? {}
      : {
          gateways: describeGateways(machines.slice(devices.length), {
            links,
            memory,
            hasCloud: cloudCommand !== null,
          }),
        }),
    link: cloudCommand === null ? {port: null, ...conditionsFrom(spec.link)} : links.read(CLOUD_LINK),
    cloud:
      cloud === null
        ? null
        : {
            url: `http://127.0.0.1:${links.read(CLOUD_LINK).port}`,
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
    async setLink(change, name = CLOUD_LINK) {
      links.change(name, change);
      await saveState();
    },
    async setCloud(isRunning) {
      if (cloudCommand === null || cloud?.isRunning() === isRunning) return;
      if (isRunning) cloud = await startCloud();
      else await cloud?.stop();
      await writeLabMemory(directory, memory);
      await saveState();
    },
    readStatistics: async (name = CLOUD_LINK) =>
      cloudCommand === null && name === CLOUD_LINK ? null : links.readStatistics(name),
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
  // Gateways are reached like devices; they come last.
  const machines = [...spec.devices, ...(spec.gateways ?? [])];
  const keys = await readOrCreateLabKeys(
    directory,
    machines.map(({name}) => name),
  );
  const started: LabState['devices'] = [];
  const sshFiles: {name: string; port: number; hostPublicKey: string}[] = [];
  let coreOffset = 0;
  for (const {name, slowdown, cores} of machines) {
    const home = paths.home(name);
    await makePrivateFolder(home);
    const hostKeys = keys.host[name];
    if (hostKeys === undefined) throw new Error(`no host key was made for ${name}`);
    const marker = deviceMarker(memory.id, name);
    const deviceCores = chooseCores(cores, coreOffset);
    const isSlowed = slowdown > 1;
    if (isSlowed && spec.ownsCores === true)
      parts.push(await startCoreTaker({slowdown, deviceCores}, writeLog));
    const governor =
      isSlowed && spec.ownsCores !== true
        ? await startGovernor({marker, slowdown, cores, deviceCores, keepsPace: true}, writeLog)
        : null;
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
