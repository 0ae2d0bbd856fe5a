import {copyFile, mkdir, rm} from 'node:fs/promises';
import {dirname, relative} from 'node:path';
import type {Build} from '../../documents/build.ts';
import type {ArtefactKind, Target} from '../../targets/target.ts';
import type {OpenProject} from '../openProject.ts';
import type {VendorBuilds} from './compileByVendor.ts';

/** What a vendor's compiler writes. */
const ENDINGS: Readonly<Record<ArtefactKind, readonly string[]>> = {
  onnx: [],
  'tensorrt-engine': ['.engine'],
  'openvino-ir': ['.xml', '.bin'],
  'iree-module': ['.vmfb'],
  nbg: ['.nb'],
  rknn: ['.rknn'],
};

/**
 * Copies what the vendor's compiler made of the chosen build beside its ONNX file, and removes what an earlier one left
 * there.
 * @returns `undefined` when there is nothing of a compiler
 */
export async function handOutArtefacts(
  project: OpenProject,
  {name: target, recipe}: Target,
  chosen: string,
  vendor: VendorBuilds | null,
): Promise<Build['compiled']> {
  const pathOf = (ending: string): string => project.artefactFile(`${target}${ending}`);
  for (const ending of ENDINGS[recipe.artefact]) await rm(pathOf(ending), {force: true});
  const files = vendor?.artefacts.get(chosen);
  if (vendor === null || files === undefined) return undefined;
  const handedOut = [];
  for (const {ending, digest, sizeBytes} of files) {
    const path = pathOf(ending);
    await mkdir(dirname(path), {recursive: true});
    await copyFile(project.store.pathOf(digest), path);
    handedOut.push({file: relative(project.folder, path), digest, sizeBytes});
  }
  return {by: [...vendor.tools], machine: vendor.machine, files: handedOut};
}
