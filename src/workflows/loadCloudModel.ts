import {readFile} from 'node:fs/promises';
import {EXIT, ExpectedError} from '../errors.ts';
import type {ProjectCloud} from '../documents/project.ts';
import {openProtocolClient, type ProtocolClient} from '../runtime/client.ts';
import {REMOVE_EXTENSION} from '../runtime/protocol/removeModel.ts';
import {managementUrlOf, type OpenFleet} from './openProject.ts';
import type {SegmentFiles} from './writeSegment.ts';

/** A model for the cloud: named by its content, so one that is ready there is the right one. */
export interface CloudModel {
  readonly name: string;
  readonly graph: string;
  readonly files: SegmentFiles['files'];
}

/** Opens a client of the cloud as this machine reaches it, and closes it whatever happens. */
export async function withCloud<T>(
  cloud: ProjectCloud,
  work: (client: ProtocolClient) => Promise<T>,
): Promise<T> {
  const client = openProtocolClient(managementUrlOf(cloud));
  try {
    return await work(client);
  } catch (error) {
    throw error instanceof ExpectedError && error.code.startsWith('cloud-')
      ? namingTheCloud(cloud, error)
      : error;
  } finally {
    client.close();
  }
}

function namingTheCloud(cloud: ProjectCloud, error: ExpectedError): ExpectedError {
  return new ExpectedError(error.code, `The cloud ${cloud.name}: ${error.message}`, error.exitCode, {
    hints: error.hints.length > 0 ? error.hints : [`curl ${managementUrlOf(cloud)}/v2/health/ready`],
    cause: error,
  });
}

/** A server that cannot forget a model at least stops serving it. */
export async function removeCloudModel(client: ProtocolClient, name: string): Promise<void> {
  const {extensions} = await client.readServerMetadata();
  await client.unloadModel(name, {isRemoved: extensions.includes(REMOVE_EXTENSION)});
}

/**
 * Has the cloud load a model through the protocol's model-repository extension, files and all.
 * @throws ExpectedError `cloud-refused-model` (exit 12)
 */
export async function loadCloudModel(
  client: ProtocolClient,
  project: OpenFleet,
  model: CloudModel,
): Promise<'loaded' | 'already-there'> {
  if (await client.isModelReady(model.name)) return 'already-there';
  const files: Record<string, Uint8Array> = {};
  for (const file of model.files) {
    const name = file.path === model.graph ? 'model.onnx' : file.path;
    files[`1/${name}`] = await readFile(project.store.pathOf(file.digest));
  }
  try {
    await client.loadModel(model.name, files);
  } catch (error) {
    if (!(error instanceof ExpectedError) || error.code !== 'cloud-error') throw error;
    throw new ExpectedError('cloud-refused-model', error.message, EXIT.commandFailed, {
      hints: ['edgewise serve --model-repository DIR --model-control explicit'],
      cause: error,
    });
  }
  return 'loaded';
}
