import {existsSync, readdirSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import type {Machine} from '../../device/machine.ts';
import type {Plan} from '../../documents/plan.ts';
import {planFromYaml, releaseFromJson} from '../../documents/readDocument.ts';
import type {Release} from '../../documents/release.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {digestOfBytes} from '../../workspace/digest.ts';
import {readDeviceTruth} from '../deploy/readDeviceTruth.ts';
import type {OpenProject} from '../openProject.ts';

/** What the device's agent serves at this moment. @throws ExpectedError `nothing-deployed` */
export async function readServedRelease(machine: Machine): Promise<{home: string; release: Release}> {
  const state = await readDeviceTruth(machine);
  if (state.currentRelease === null || state.agent?.status !== 'serving') {
    throw new ExpectedError(
      'nothing-deployed',
      state.currentRelease === null
        ? `${machine.name} has no release.`
        : `${machine.name} has release ${state.currentRelease}, but its agent is not serving.`,
      EXIT.stale,
      {hints: [`edgewise push plans/${machine.name}.yaml`]},
    );
  }
  const file = `${state.home}/.edgewise/current/release.json`;
  const text = new TextDecoder().decode(await machine.download(file));
  return {home: state.home, release: releaseFromJson(text, file)};
}

/** The plan the release was made from, if it still lies among the project's plans unchanged. */
export async function findPlan(
  project: OpenProject,
  release: Release,
): Promise<{file: string; plan: Plan} | null> {
  const folder = dirname(project.planFile(release.device));
  if (!existsSync(folder)) return null;
  for (const name of readdirSync(folder).filter(entry => entry.endsWith('.yaml'))) {
    const file = join(folder, name);
    const text = await readFile(file, 'utf8');
    if (digestOfBytes(text) === release.plan) return {file, plan: planFromYaml(text, file)};
  }
  return null;
}
