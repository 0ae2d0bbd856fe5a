import {EXIT, ExpectedError} from '../errors.ts';
import {projectFromYaml} from '../documents/readDocument.ts';
import type {Project, ProjectCloud, ProjectDevice} from '../documents/project.ts';
import {openProjectFolder, requireFile, type ProjectFolder} from '../workspace/projectFolder.ts';

export interface OpenProject extends ProjectFolder {
  readonly project: Project;
  /** Absolute path of the model file, which exists. */
  readonly modelFile: string;
}

export async function openProject(path: string): Promise<OpenProject> {
  const folder = await openProjectFolder(path);
  const project = projectFromYaml(folder.text, folder.file);
  const modelFile = requireFile(
    folder.resolve(project.model.file),
    `the model of ${folder.file}`,
    EXIT.invalidDocument,
  );
  return {...folder, project, modelFile};
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

const DEFAULT_ENDPOINT_PORT = 8600;

export function endpointPortOf(device: ProjectDevice): number {
  return device.endpointPort ?? DEFAULT_ENDPOINT_PORT;
}
