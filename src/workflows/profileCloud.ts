import {writeHeader} from '../documents/writeHeader.ts';
import {yamlFromDocument} from '../documents/printDocument.ts';
import type {Profile} from '../documents/profile.ts';
import type {ProjectCloud} from '../documents/project.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {readOwnVersion} from '../workspace/ownVersion.ts';
import {writeDocument} from '../workspace/projectFolder.ts';
import {loadCloudModel, withCloud} from './loadCloudModel.ts';
import {modelTimesFrom} from './measuredModel.ts';
import {measureDecoding} from './precision/measureCodecs.ts';
import {measureUnpacking} from './precision/measurePacking.ts';
import {managementUrlOf, type OpenProject} from './openProject.ts';
import type {PreparedModel} from './prepareModel.ts';
import {writeSegment} from './writeSegment.ts';

/**
 * Measures the model's layers where the cloud runs them, and writes the cloud's profile.
 * @throws ExpectedError `cloud-unreachable`, `cloud-refused-model`, `cloud-error`
 */
export async function profileCloud(
  project: OpenProject,
  cloud: ProjectCloud,
  prepared: PreparedModel,
  runs: number,
  emit: EmitEvent,
): Promise<Profile> {
  const name = `${prepared.name}-${hexOfDigest(prepared.digest).slice(0, 12)}`;
  const measured = await runStep(
    emit,
    `${cloud.name}/profile`,
    `${cloud.name}: measure layers`,
    progress =>
      withCloud(cloud, async client => {
        progress({detail: 'load the model'});
        const segment = await writeSegment(project.store, name, prepared.graph.model);
        await loadCloudModel(client, project, {name, ...segment});
        progress({detail: `${runs} runs`});
        const times = await client.profileModel(name, {runs, warmUps: Math.ceil(runs / 4)});
        progress({detail: 'decoding what crosses'});
        const codecs = await measureDecoding(client, project, runs);
        return {...times, codecs, packing: await measureUnpacking(client)};
      }),
    times => ({detail: `${times.wholeRun.medianMs.toFixed(3)} ms a run`}),
  );
  const profile: Profile = {
    ...writeHeader('profile', {
      version: readOwnVersion(),
      now: new Date(),
      madeFrom: {model: prepared.modelDigest, build: prepared.digest},
    }),
    machine: {name: cloud.name, tier: 'cloud', address: managementUrlOf(cloud)},
    runtime: measured.runtime,
    models: [modelTimesFrom(prepared.digest, measured)],
    links: [],
    codecs: measured.codecs,
    ...(measured.packing === null ? {} : {packing: measured.packing}),
  };
  await writeDocument(project.profileFile(cloud.name), yamlFromDocument('profile', profile));
  return profile;
}
