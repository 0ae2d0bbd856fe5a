import {randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Machine} from '../../device/machine.ts';
import type {Plan} from '../../documents/plan.ts';
import {yamlFromDocument} from '../../documents/printDocument.ts';
import type {ProjectDevice} from '../../documents/project.ts';
import {ExpectedError} from '../../errors.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {sampleFile} from '../../runtime/measure/readSamples.ts';
import {deviceScript} from '../../workspace/deviceScript.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import {composeRelease, type ComposedRelease} from '../composeRelease.ts';
import type {ConnectOptions} from '../connectDevice.ts';
import {readDeviceTruth} from '../deploy/readDeviceTruth.ts';
import {runScript} from '../deploy/runOnDevice.ts';
import {ship, type ShippedFile} from '../deploy/shipFiles.ts';
import {loadCloudModel, removeCloudModel, withCloud} from '../loadCloudModel.ts';
import {cloudOf, type OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {otherMachinesOf} from '../release/otherMachines.ts';
import type {DataSet} from '../openDataSet.ts';

/** Plans as releases that lie beside what the device serves, and take nothing of it. */
export interface TemporaryReleases {
  /** On the device, below ~/.edgewise; the releases are folders in it, by id. */
  readonly folder: string;
  /** In the order of the plans. */
  readonly ids: readonly string[];
  bring(emit: EmitEvent): Promise<void>;
  /** From every machine; may be called at any time, and more than once. */
  takeAway(emit: EmitEvent): Promise<void>;
}

/** Enough that packing meets more than one content; few enough to be nothing beside the weights. */
const SAMPLES = 8;
/** How long what is under way may take before what can be taken away is. */
const SETTLE_MS = 3000;

/**
 * Composes the plans as for a push, but for three things: nothing answers for the cloud (what is measured is the plan), no other
 * cuts come along, and what others are given has names of its own, so that taking it away meets nobody else.
 */
export async function composeTemporaryReleases(
  {
    project,
    device,
    machine,
    prepared,
    runtimeDigest,
    samples,
    connect,
  }: {
    readonly project: OpenProject;
    readonly device: ProjectDevice;
    readonly machine: Machine;
    readonly prepared: PreparedModel;
    readonly runtimeDigest: string;
    readonly samples: DataSet;
    readonly connect: ConnectOptions;
  },
  plans: readonly Plan[],
): Promise<TemporaryReleases> {
  const token = randomBytes(4).toString('hex');
  const alone: OpenProject = {...project, project: {...project.project, fallback: 'none', movesCut: false}};
  const named: PreparedModel = {...prepared, name: `${prepared.name}-verify-${token}`};
  const others = otherMachinesOf(project, device, connect);
  const composed: ComposedRelease[] = [];
  for (const plan of plans) {
    const machines = {runtimeDigest, ...others};
    composed.push(await composeRelease(alone, device, plan, yamlFromDocument('plan', plan), named, machines));
  }
  const sampleFiles = await storeSamples(project, prepared, samples);
  const folder = `work/verify-${token}`;
  const cloud = cloudOf(project.project);
  const loaded: string[] = [];
  const hasParts = composed.some(({parts}) => parts.length > 0);
  /** What is being brought at this moment. */
  let underWay: Promise<unknown> = Promise.resolve();
  let takingAway: Promise<void> | null = null;
  /** What was interrupted goes no further: the signal takes its course once all is taken away. */
  const bringOne = (work: () => Promise<unknown>): Promise<unknown> =>
    takingAway === null ? (underWay = work()) : new Promise(() => {});

  const takeAwayAll = async (emit: EmitEvent): Promise<void> => {
    // What arrives after it was taken away would stay.
    const noLonger = sleep(SETTLE_MS, undefined, {ref: false});
    await Promise.race([underWay.catch(() => {}), noLonger]);
    const digests = [...composed.flatMap(({files}) => files), ...sampleFiles].map(({digest}) =>
      hexOfDigest(digest),
    );
    const stdin = [...new Set(digests)].map(digest => `${digest}\n`).join('');
    const tellIfLeft = (where: string, work: () => Promise<unknown>) => tellOfFailure(emit, where, work);
    await Promise.all([
      tellIfLeft(device.name, () => runScript(machine, deviceScript('drop-work', folder), stdin)),
      ...(cloud === null
        ? []
        : loaded.map(name =>
            tellIfLeft(cloud.name, () => withCloud(cloud, client => removeCloudModel(client, name))),
          )),
    ]);
    if (!hasParts) return;
    await tellIfLeft(device.name, async () =>
      others.dropUnusedParts((await readDeviceTruth(machine)).releases, emit),
    );
  };

  return {
    folder,
    ids: composed.map(({release}) => release.id),
    async bring(emit) {
      const models = composed.flatMap(({cloudModels}) => cloudModels);
      await runStep(
        emit,
        `${device.name}/verify-cloud`,
        `${cloud?.name ?? 'cloud'}: load candidates`,
        async () => {
          for (const model of models) {
            if (cloud === null || loaded.includes(model.name)) continue;
            loaded.push(model.name);
            await bringOne(() => withCloud(cloud, client => loadCloudModel(client, project, model)));
          }
        },
      );
      for (const release of composed) await bringOne(() => others.bringParts(release, emit));
      for (const {release, files} of composed)
        await bringOne(() =>
          ship(machine, `${folder}/${release.id}`, files, `candidate ${release.id}`, emit),
        );
      await bringOne(() => ship(machine, `${folder}/samples`, sampleFiles, 'samples', emit));
    },
    takeAway: emit => (takingAway ??= takeAwayAll(emit)),
  };
}

/** As the device reads them back: the bytes of each input in a file of its own. */
async function storeSamples(
  {store}: OpenProject,
  {inputs}: PreparedModel,
  samples: DataSet,
): Promise<ShippedFile[]> {
  const files: ShippedFile[] = [];
  for (let at = 0; at < Math.min(SAMPLES, samples.requestCount); at++) {
    const request = await samples.readRequest(at);
    for (const [input, {name}] of inputs.entries()) {
      const bytes = request[name]?.bytes;
      if (bytes === undefined) throw new Error(`a sample has no ${name}`);
      const digest = await store.put([bytes]);
      files.push({
        path: sampleFile(at, input),
        digest,
        sizeBytes: bytes.byteLength,
        source: store.pathOf(digest),
      });
    }
  }
  return files;
}

/** What cannot be taken away is told; the rest is taken away all the same. */
async function tellOfFailure(emit: EmitEvent, where: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    emit({
      kind: 'note',
      level: 'warning',
      text: `What was measured may still lie on ${where}: ${error.message}`,
    });
  }
}
