import {existsSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {resolve} from 'node:path';
import {EXIT, ExpectedError} from '../errors.ts';
import {projectFromYaml} from '../documents/readDocument.ts';
import type {Project, ProjectCloud, ProjectDevice, ProjectGateway} from '../documents/project.ts';
import {
  hasProjectFile,
  openBareFolder,
  openProjectFolder,
  requireFile,
  type ProjectFolder,
} from '../workspace/projectFolder.ts';
import {whenInterrupted} from './interruption.ts';

/** A project of which only the machines and the documents matter: its model need not be here. */
export interface OpenFleet extends ProjectFolder {
  readonly project: Project;
}

export interface OpenProject extends OpenFleet {
  /** Absolute path of the model file, which exists. */
  readonly modelFile: string;
}

export async function openProject(path: string): Promise<OpenProject> {
  return requireModel(await openFleet(path));
}

export async function openFleet(path: string): Promise<OpenFleet> {
  const folder = await openProjectFolder(path);
  return {...withFoldersRemoved(folder), project: projectFromYaml(folder.text, folder.file)};
}

/** @throws ExpectedError `file-missing` */
export function requireModel(fleet: OpenFleet): OpenProject {
  const {file, project} = fleet;
  const path = fleet.resolve(project.model.file);
  return {...fleet, modelFile: requireFile(path, `the model of ${file}`, EXIT.invalidDocument)};
}

/** Its temporary folders go when the user interrupts what needs them, too, and be it while one is made. */
function withFoldersRemoved(folder: ProjectFolder): ProjectFolder {
  return {
    ...folder,
    withTemporaryFolder(work) {
      let tell = (_made: string): void => {};
      const made = new Promise<string>(resolve => {
        tell = resolve;
      });
      return whenInterrupted(
        async () => rm(await made, {recursive: true, force: true, maxRetries: 3}),
        () =>
          folder.withTemporaryFolder(temporary => {
            tell(temporary);
            return work(temporary);
          }),
      );
    },
  };
}

export interface NamedModel {
  readonly model?: string;
  /** What the model is there for, in messages. */
  readonly purpose: string;
  readonly device?: string;
  /** How to do without a project. */
  readonly hint: string;
}

/**
 * The project at `path` with another model when one is named; without an edgewise.yaml there, one made up from the model
 * and the device alone, whose name is its address.
 * @throws ExpectedError `file-missing`, `project-missing`
 */
export async function openProjectOrModel(path: string, named: NamedModel): Promise<OpenProject> {
  const {model, purpose, device = 'local', hint} = named;
  if (model === undefined) {
    if (hasProjectFile(path)) return openProject(path);
    throw new ExpectedError(
      'project-missing',
      `There is no edgewise.yaml in ${resolve(path)}, and no model is named.`,
      EXIT.usage,
      {hints: [hint]},
    );
  }
  const modelFile = requireFile(resolve(model), purpose);
  if (hasProjectFile(path)) {
    const project = await openProject(path);
    return {...project, modelFile, project: {...project.project, model: {file: modelFile}}};
  }
  const project: Project = {
    kind: 'edgewise/project',
    formatVersion: 1,
    model: {file: modelFile},
    devices: [{name: device, address: device}],
  };
  return {...withFoldersRemoved(openBareFolder(path, JSON.stringify(project))), project, modelFile};
}

/** The end of a sentence on what was not given: the project does not have it either. */
export function hasNone({file, folder}: Pick<OpenProject, 'file' | 'folder'>, what: string): string {
  return existsSync(file) ? `${file} has no ${what}` : `there is no edgewise.yaml in ${folder} to name any`;
}

/** The devices named, or all of them. @throws ExpectedError `unknown-device` with the names there are */
export function selectDevices(project: Project, names: readonly string[]): ProjectDevice[] {
  if (names.length === 0) return project.devices;
  return names.map(name => {
    const device = project.devices.find(candidate => candidate.name === name);
    if (device !== undefined) return device;
    const known = project.devices.map(candidate => candidate.name).join(', ');
    throw new ExpectedError(
      'unknown-device',
      `No device is called ${name}; the project has ${known}.`,
      EXIT.usage,
    );
  });
}

export function cloudOf(project: Project): ProjectCloud | null {
  return project.clouds?.[0] ?? null;
}

/** Where this machine, rather than a device, reaches the cloud. */
export function managementUrlOf(cloud: ProjectCloud): string {
  return cloud.managementUrl ?? cloud.url;
}

/** The gateway that the device stands behind. */
export function gatewayOf(
  project: Project,
  {gateway}: Pick<ProjectDevice, 'gateway'>,
): ProjectGateway | null {
  return project.gateways?.find(({name}) => name === gateway) ?? null;
}

/** Whether the device has a link to the cloud of its own. */
export function reachesCloud(project: Project, device: ProjectDevice): boolean {
  return cloudOf(project) !== null && (device.gateway === undefined || device.reachesCloud === true);
}

const DEFAULT_ENDPOINT_PORT = 8600;

export function endpointPortOf(device: ProjectDevice): number {
  return device.endpointPort ?? DEFAULT_ENDPOINT_PORT;
}
