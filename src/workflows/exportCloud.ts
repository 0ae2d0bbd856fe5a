import {copyFile, mkdir} from 'node:fs/promises';
import {dirname, join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {ExportedCloud} from '../documents/exportedCloud.ts';
import type {TensorSpec} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {inferenceService} from '../export/inferenceService.ts';
import {rayServeConfig} from '../export/rayServeConfig.ts';
import type {ServedSegment} from '../export/servedSegment.ts';
import {tritonConfig} from '../export/tritonConfig.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {writeDocument} from '../workspace/projectFolder.ts';
import {composeRelease} from './composeRelease.ts';
import type {CloudModel} from './loadCloudModel.ts';
import {openModel} from './openModel.ts';
import {openProject, selectDevices, type OpenProject} from './openProject.ts';
import {requireFreshPlan} from './planFreshness.ts';
import {withPreparedModel} from './prepareModel.ts';
import {readPlan} from './readPlan.ts';

export interface ExportRequest {
  readonly projectPath: string;
  readonly planFile: string;
  readonly engine: ExportedCloud['engine'];
  readonly folder: string;
  readonly instances: number;
  readonly threads: number;
  /** Where KServe finds the written repository. */
  readonly storageUri?: string;
}

/**
 * Writes the cloud's part of a plan as an engine that is there already wants it: the models under the names that devices ask
 * for, and the engine's own configuration.
 * @throws ExpectedError `no-cloud-part`, `plan-stale`, `unsupported-tensor-type`
 */
export async function exportCloud(request: ExportRequest, emit: EmitEvent): Promise<ExportedCloud> {
  const project = await openProject(request.projectPath);
  const {plan, text} = await readPlan(request.planFile);
  const [device] = selectDevices(project.project, [plan.devices?.[0] ?? plan.device]);
  if (device === undefined) throw new Error('selectDevices gave no device');
  return withPreparedModel(project, emit, async prepared => {
    await requireFreshPlan(project, plan, prepared);
    const {cloudModels} = await composeRelease(project, device, plan, text, prepared, {
      runtimeDigest: prepared.digest,
      readGatewayThreads: async () => plan.threads,
      // Keeping tensors between calls is an extension of edgewise's own server.
      readCanCloudKeep: async () => false,
    });
    if (cloudModels.length === 0)
      throw new ExpectedError(
        'no-cloud-part',
        `${request.planFile} runs nothing in the cloud, so there is nothing to export.`,
        EXIT.unsupported,
        {hints: [`edgewise explain ${request.planFile}`]},
      );
    return runStep(emit, 'export', `write for ${request.engine}`, () =>
      writeAll(project, request, cloudModels),
    );
  });
}

async function writeAll(
  project: OpenProject,
  request: ExportRequest,
  models: readonly CloudModel[],
): Promise<ExportedCloud> {
  const folder = resolve(request.folder);
  const written: string[] = [];
  const write = async (path: string, content: {text: string} | {copyOf: string}): Promise<void> => {
    const target = join(folder, path);
    await mkdir(dirname(target), {recursive: true});
    if ('text' in content) await writeDocument(target, content.text);
    else await copyFile(content.copyOf, target);
    written.push(relative(folder, target));
  };
  const segments = models.map(model => segmentOf(project, model, request));
  for (const [index, model] of models.entries()) {
    for (const {path, digest} of model.files)
      await write(`models/${model.name}/1/${path === model.graph ? 'model.onnx' : path}`, {
        copyOf: project.store.pathOf(digest),
      });
    const segment = segments[index];
    if (segment === undefined) continue;
    if (request.engine !== 'ray')
      await write(`models/${model.name}/config.pbtxt`, {text: tritonConfig(segment)});
  }
  const [first] = segments;
  if (first !== undefined && request.engine === 'kserve')
    await write('inferenceservice.yaml', {
      text: inferenceService(first, {storageUri: request.storageUri ?? 'pvc://models'}),
    });
  if (first !== undefined && request.engine === 'ray') {
    await write('config.yaml', {text: rayServeConfig(first)});
    for (const file of ['app.py', 'protocol.py', 'requirements.txt'])
      await write(file, {copyOf: fileURLToPath(new URL(`../../templates/ray/${file}`, import.meta.url))});
  }
  return {
    engine: request.engine,
    models: models.map(({name}) => name),
    folder,
    files: written.sort(),
  };
}

/** Inputs and outputs as the very file says that is served. */
function segmentOf(
  project: OpenProject,
  model: CloudModel,
  {instances, threads}: ExportRequest,
): ServedSegment {
  const file = model.files.find(({path}) => path === model.graph);
  if (file === undefined) throw new Error(`${model.name} has no graph file`);
  const opened = openModel(project.store.pathOf(file.digest));
  try {
    const graph = graphFromModel(opened.model);
    const specOf = (name: string): TensorSpec => {
      const {elementType, shape} = graph.tensors.get(name) ?? {};
      if (elementType === undefined || shape === undefined)
        throw new Error(`tensor ${name} of ${model.name} has no type or shape`);
      return {name, elementType, shape};
    };
    return {
      name: model.name,
      inputs: graph.inputs.map(specOf),
      outputs: graph.outputs.map(specOf),
      instances,
      threads,
    };
  } finally {
    opened.close();
  }
}
