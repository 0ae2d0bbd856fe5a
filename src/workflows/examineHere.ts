import {fileURLToPath} from 'node:url';
import type {ReadinessCheck} from '../documents/readiness.ts';
import {readRuntimeVersion} from '../engine/runtimeVersion.ts';
import {runOnce} from '../engine/session.ts';
import {ExpectedError} from '../errors.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import {withCloud} from './loadCloudModel.ts';
import {cloudOf, managementUrlOf, type OpenProject} from './openProject.ts';

const HERE = 'this machine';

/** What this machine must be able to do whatever the project: run Node, ONNX Runtime, and send both to devices. */
export async function examineHere(): Promise<ReadinessCheck[]> {
  const node = process.versions.node;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const isRecent = major > 23 || (major === 22 && minor >= 15) || (major === 23 && minor >= 8);
  return [
    {
      subject: HERE,
      what: 'node',
      verdict: isRecent ? 'ready' : 'not-ready',
      detail: `Node ${node}${isRecent ? '' : '; 22.15 or newer is needed'}`,
      hint: isRecent ? null : 'Install Node 22.15 or newer.',
    },
    await examined(HERE, 'onnxruntime', async () => {
      const model = fileURLToPath(new URL('../../templates/quickstart/pictures.onnx', import.meta.url));
      const image = {elementType: 'float32', shape: [1, 3, 32, 32], bytes: new Uint8Array(4 * 3072)} as const;
      await runOnce({path: model}, {image});
      return `ONNX Runtime ${readRuntimeVersion()} runs a model`;
    }),
    await examined(HERE, 'runtime-files', async () => {
      const {files} = await collectRuntimeFiles('x64');
      const megabytes = files.reduce((sum, file) => sum + file.sizeBytes, 0) / 1e6;
      return `the runtime for devices is here, ${megabytes.toFixed(0)} MB for x64`;
    }),
  ];
}

/** The project's cloud as this machine reaches it; no row without one. */
export async function examineCloud({project}: OpenProject): Promise<ReadinessCheck[]> {
  const cloud = cloudOf(project);
  if (cloud === null) return [];
  return [
    await examined(cloud.name, 'cloud', () =>
      withCloud(cloud, async client => {
        const {name, version, extensions} = await client.readServerMetadata();
        const canLoad = extensions.includes('model_repository');
        return `${name} ${version} at ${managementUrlOf(cloud)}${canLoad ? '' : ', which cannot be sent models'}`;
      }),
    ),
  ];
}

/** `look` says what was found, or fails with what stands in the way. */
export async function examined(
  subject: string,
  what: ReadinessCheck['what'],
  look: () => Promise<string>,
): Promise<ReadinessCheck> {
  try {
    return {subject, what, verdict: 'ready', detail: await look(), hint: null};
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    return {subject, what, verdict: 'not-ready', detail: error.message, hint: error.hints[0] ?? null};
  }
}
