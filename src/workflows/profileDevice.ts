import {checkSupported} from '../device/checkSupported.ts';
import type {Machine} from '../device/machine.ts';
import {probeHardware} from '../device/probeHardware.ts';
import {yamlFromDocument} from '../documents/printDocument.ts';
import type {ModelTimes, Profile} from '../documents/profile.ts';
import {slowsDown} from '../documents/sustained.ts';
import {writeHeader} from '../documents/writeHeader.ts';
import {runStepOn, type EmitEvent} from '../events.ts';
import {targetFromHardware} from '../targets/targetFromHardware.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {readOwnVersion} from '../workspace/ownVersion.ts';
import {writeDocument} from '../workspace/projectFolder.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import {readDeviceTruth} from './deploy/readDeviceTruth.ts';
import {withDeviceLock} from './deploy/deviceLock.ts';
import {createHandoverModels} from './handoverModels.ts';
import {findLoweredBuilds} from './loweredBuilds/findLoweredBuilds.ts';
import {measureOverSsh} from './loweredBuilds/measureOverSsh.ts';
import {timeLoweredBuild} from './loweredBuilds/timeLoweredBuild.ts';
import {modelTimesFrom, type MeasuredDevice} from './measuredModel.ts';
import type {OpenProject} from './openProject.ts';
import type {PreparedModel} from './prepareModel.ts';
import {ship} from './deploy/shipFiles.ts';
import {runtimeArchitectureOf} from './runtimeArchitecture.ts';
import {requireSuccess, runScript} from './deploy/runOnDevice.ts';
import {measureEncoding} from './precision/measureCodecs.ts';
import {measurePacking} from './precision/measurePacking.ts';
import {writeSegment} from './writeSegment.ts';

const MEASURE_TIMEOUT_MS = 1_800_000;

/** A device or a gateway, and the machines that it asks, as it sees them. */
export interface ProfiledPlace {
  readonly name: string;
  readonly tier: 'device' | 'gateway';
  /** As the project declares it; left out: what the hardware shows. */
  readonly target?: string | undefined;
  readonly peers: readonly {readonly name: string; readonly url: string}[];
}

/**
 * Measures one device or gateway: what it is, how long each layer takes on it with the runtime it will serve with, what a request
 * costs there besides, and its links. Writes its profile.
 * @throws ExpectedError `architecture-unsupported`, `libc-unsupported`, `device-unreachable`, `device-locked` …
 */
export async function profileDevice(
  project: OpenProject,
  device: ProfiledPlace,
  machine: Machine,
  prepared: PreparedModel,
  {
    runs,
    sustainedSeconds,
    linkSeconds,
    hasEncodings,
  }: {
    readonly runs: number;
    readonly sustainedSeconds: number;
    readonly linkSeconds?: number;
    readonly hasEncodings: boolean;
  },
  emit: EmitEvent,
): Promise<Profile> {
  const hardware = await runStepOn(
    emit,
    device.name,
    'hardware',
    'read hardware facts',
    async () => {
      const facts = await probeHardware(machine);
      checkSupported(facts, device.name);
      return facts;
    },
    facts => ({
      detail: `${facts.architecture}, ${facts.cores} × ${facts.cpuModel}, target ${targetFromHardware(facts).name}`,
    }),
  );
  const runtime = await collectRuntimeFiles(runtimeArchitectureOf(hardware.architecture));
  const runtimeHex = hexOfDigest(runtime.digest);
  const {home} = await readDeviceTruth(machine);
  const {peers} = device;

  const measured = await withDeviceLock(machine, async () => {
    await ship(machine, `runtime/${runtimeHex}`, runtime.files, 'runtime', emit);
    const segment = await writeSegment(project.store, 'model', prepared.graph.model);
    const handoverModels = createHandoverModels();
    const gives = await writeSegment(project.store, 'gives', handoverModels.gives);
    const keeps = await writeSegment(project.store, 'keeps', handoverModels.keeps);
    const work = `work/${hexOfDigest(prepared.digest).slice(0, 16)}`;
    await ship(
      machine,
      work,
      [...segment.files, ...gives.files, ...keeps.files].map(file => ({
        ...file,
        source: project.store.pathOf(file.digest),
      })),
      'model',
      emit,
    );
    const folder = `${home}/.edgewise/runtime/${runtimeHex}`;
    const argv = [
      `${folder}/bin/node`,
      `${folder}/edgewise.mjs`,
      'profile',
      ...['--model', `${home}/.edgewise/${work}/${segment.graph}`],
      ...['--runs', String(runs), '--warm-ups', String(Math.ceil(runs / 4))],
      ...['--threads', String(hardware.cores), '--sustained-seconds', String(sustainedSeconds)],
      ...(peers.length === 0
        ? []
        : [
            ...['--peers', peers.map(({name, url}) => `${name} ${url}`).join(',')],
            ...['--handover-models', `${home}/.edgewise/${work}`],
            ...(linkSeconds === undefined ? [] : ['--link-seconds', String(linkSeconds)]),
          ]),
    ];
    try {
      const times = await runStepOn(
        emit,
        device.name,
        'measure',
        `measure layers${peers.length === 0 ? '' : peers.length === 1 ? ' and link' : ' and links'}`,
        async () => {
          const result = requireSuccess(machine, await machine.run(argv, {timeoutMs: MEASURE_TIMEOUT_MS}));
          return JSON.parse(result.stdout) as MeasuredDevice;
        },
        ({wholeRun, links, sustained}) => ({
          detail: [
            `${wholeRun.medianMs.toFixed(2)} ms a run`,
            ...(sustained && slowsDown(sustained)
              ? [`${sustained.slowdown.toFixed(2)} times as long after ${sustained.seconds.toFixed(0)} s`]
              : []),
            ...links.flatMap(({to, upBytesPerSecond, downBytesPerSecond}) => [
              `${peers.length > 1 ? `to ${to} ` : ''}up ${mbit(upBytesPerSecond)}`,
              `down ${mbit(downBytesPerSecond)} Mbit/s`,
            ]),
          ].join(', '),
        }),
      );
      const runtimeThere = {store: project.store, home, runtimeHex, threads: hardware.cores};
      const base = modelTimesFrom(prepared.digest, times);
      const place = {machine, ...runtimeThere, runs};
      const lowered: ModelTimes[] = [];
      for (const build of await findLoweredBuilds(project, prepared, {target: device.target, hardware}))
        lowered.push(
          await timeLoweredBuild(project, prepared, build, base, segment =>
            measureOverSsh(place, build, segment, emit),
          ),
        );
      if (peers.length === 0 || !hasEncodings) return {...times, lowered, codecs: null, packing: null};
      const codecs = await measureEncoding(machine, runtimeThere, runs, emit);
      return {...times, lowered, codecs, packing: await measurePacking(machine, runtimeThere, emit)};
    } finally {
      await runScript(machine, ['rm', '-rf', `${home}/.edgewise/${work}`]).catch(() => {});
    }
  });

  const profile: Profile = {
    ...writeHeader('profile', {
      version: readOwnVersion(),
      now: new Date(),
      madeFrom: {model: prepared.modelDigest, build: prepared.digest},
    }),
    machine: {name: device.name, tier: device.tier, address: machine.address},
    hardware,
    runtime: {...measured.runtime, digest: runtime.digest},
    models: [modelTimesFrom(prepared.digest, measured), ...measured.lowered],
    links: [...measured.links],
    ...(measured.codecs === null ? {} : {codecs: measured.codecs}),
    ...(measured.packing === null ? {} : {packing: measured.packing}),
  };
  await writeDocument(project.profileFile(device.name), yamlFromDocument('profile', profile));
  return profile;
}

function mbit(bytesPerSecond: number): string {
  return ((bytesPerSecond * 8) / 1e6).toFixed(1);
}
