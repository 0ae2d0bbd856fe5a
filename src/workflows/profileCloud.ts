import {writeHeader} from '../documents/writeHeader.ts';
import {yamlFromDocument} from '../documents/printDocument.ts';
import type {ModelTimes, Profile} from '../documents/profile.ts';
import type {ProjectCloud} from '../documents/project.ts';
import {runStepOn, type EmitEvent} from '../events.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {readOwnVersion} from '../workspace/ownVersion.ts';
import {writeDocument} from '../workspace/projectFolder.ts';
import {loadCloudModel, removeCloudModel, withCloud} from './loadCloudModel.ts';
import {findLoweredBuilds} from './loweredBuilds/findLoweredBuilds.ts';
import {timeLoweredBuild} from './loweredBuilds/timeLoweredBuild.ts';
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
  {runs, hasEncodings}: {readonly runs: number; readonly hasEncodings: boolean},
  emit: EmitEvent,
): Promise<Profile> {
  const name = `${prepared.name}-${hexOfDigest(prepared.digest).slice(0, 12)}`;
  const measured = await runStepOn(
    emit,
    cloud.name,
    'profile',
    'measure layers',
    progress =>
      withCloud(cloud, async client => {
        progress({detail: 'load the model'});
        const segment = await writeSegment(project.store, name, prepared.graph.model);
        await loadCloudModel(client, project, {name, ...segment});
        progress({detail: `${runs} runs`});
        const times = await client.profileModel(name, {runs, warmUps: Math.ceil(runs / 4)});
        const lowered: ModelTimes[] = [];
        for (const build of await findLoweredBuilds(project, prepared, {
          target: cloud.target,
          hardware: null,
        })) {
          progress({detail: `${runs} runs of the ${build.precision} build`});
          const base = modelTimesFrom(prepared.digest, times);
          lowered.push(
            await timeLoweredBuild(project, prepared, build, base, async segment => {
              const loweredName = `${prepared.name}-${hexOfDigest(build.artefact.digest).slice(0, 12)}`;
              await loadCloudModel(client, project, {name: loweredName, ...segment});
              try {
                return await client.profileModel(loweredName, {runs, warmUps: Math.ceil(runs / 4)});
              } finally {
                await removeCloudModel(client, loweredName);
              }
            }),
          );
        }
        if (!hasEncodings) return {...times, lowered, codecs: null, packing: null};
        progress({detail: 'decoding what crosses'});
        const codecs = await measureDecoding(client, project, runs);
        return {...times, lowered, codecs, packing: await measureUnpacking(client)};
      }),
    times => ({
      detail: [
        `${times.wholeRun.medianMs.toFixed(3)} ms a run`,
        ...times.lowered.map(
          ({wholeRun, lowered}) => `${wholeRun.medianMs.toFixed(3)} ms in ${lowered?.precision ?? ''}`,
        ),
      ].join(', '),
    }),
  );
  const profile: Profile = {
    ...writeHeader('profile', {
      version: readOwnVersion(),
      now: new Date(),
      madeFrom: {model: prepared.modelDigest, build: prepared.digest},
    }),
    machine: {name: cloud.name, tier: 'cloud', address: managementUrlOf(cloud)},
    runtime: measured.runtime,
    models: [modelTimesFrom(prepared.digest, measured), ...measured.lowered],
    links: [],
    ...(measured.codecs === null ? {} : {codecs: measured.codecs}),
    ...(measured.packing === null ? {} : {packing: measured.packing}),
  };
  await writeDocument(project.profileFile(cloud.name), yamlFromDocument('profile', profile));
  return profile;
}
