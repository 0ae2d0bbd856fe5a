import {existsSync, readdirSync} from 'node:fs';
import {dirname, join} from 'node:path';
import type {Build} from '../../documents/build.ts';
import type {Hardware} from '../../documents/profile.ts';
import {buildFromYaml} from '../../documents/readDocument.ts';
import {targetsFromHardware} from '../../targets/targetFromHardware.ts';
import {readDocumentText} from '../../workspace/projectFolder.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';

/** A device, gateway or cloud: what it is declared to be, else what its hardware shows. */
export interface TargetedMachine {
  readonly target?: string | undefined;
  /** `null`: not known, as of a cloud. */
  readonly hardware: Hardware | null;
}

/**
 * The builds of lower precision that `edgewise compile` made of this very model for what the machine is, and that ONNX Runtime
 * runs there. Pruned ones are left out: what crosses between their layers has other sizes.
 */
export async function findLoweredBuilds(
  project: Pick<OpenProject, 'buildFile' | 'store'>,
  {modelDigest}: Pick<PreparedModel, 'modelDigest'>,
  machine: TargetedMachine,
): Promise<Build[]> {
  const folder = dirname(project.buildFile('any'));
  if (!existsSync(folder)) return [];
  const targets = targetNamesOf(machine);
  const builds: Build[] = [];
  for (const entry of readdirSync(folder).filter(name => name.endsWith('.yaml'))) {
    const file = join(folder, entry);
    const build = buildFromYaml((await readDocumentText(file)) ?? '', file);
    const {target, precision, model, pruning, compiled, artefact} = build;
    const isLowered = precision !== 'fp32' && pruning === undefined && compiled === undefined;
    if (
      isLowered &&
      model.digest === modelDigest &&
      targets.includes(target) &&
      project.store.has(artefact.digest)
    )
      builds.push(build);
  }
  return builds;
}

function targetNamesOf({target, hardware}: TargetedMachine): readonly string[] {
  if (target !== undefined) return [target];
  return hardware === null ? [] : targetsFromHardware(hardware).map(({name}) => name);
}
