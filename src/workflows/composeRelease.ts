import {basename} from 'node:path';
import {EXIT, ExpectedError} from '../errors.ts';
import {jsonFromDocument} from '../documents/printDocument.ts';
import type {Plan} from '../documents/plan.ts';
import type {ProjectDevice} from '../documents/project.ts';
import type {Release} from '../documents/release.ts';
import {encodingOfRow} from '../documents/boundary.ts';
import {extractSegments, type Segments} from '../model/extractSegments.ts';
import {encodeBoundary, type EncodedSegments} from '../quantize/boundary/encodeBoundary.ts';
import {digestOfBytes, hexOfDigest} from '../workspace/digest.ts';
import type {CloudModel} from './loadCloudModel.ts';
import {cloudOf, endpointPortOf, type OpenProject} from './openProject.ts';
import type {PreparedModel} from './prepareModel.ts';
import type {ShippedFile} from './shipFiles.ts';
import {specsOf, writeSegment} from './writeSegment.ts';

export interface ComposedRelease {
  readonly release: Release;
  /** Everything that goes into releases/<id>/ on the device. */
  readonly files: readonly ShippedFile[];
  /** What the cloud must be able to serve before the device is switched. */
  readonly tail: CloudModel | null;
}

/**
 * Turns a plan into what is deployed: the segments cut out of the build, weights as blobs, and a manifest. The same plan
 * gives the same release, byte for byte.
 * @throws ExpectedError `plan-stale` when the plan names layers that the build does not have
 */
export async function composeRelease(
  project: OpenProject,
  device: ProjectDevice,
  plan: Plan,
  planText: string,
  prepared: PreparedModel,
  runtimeDigest: string,
): Promise<ComposedRelease> {
  const {graph} = prepared;
  const onDevice = new Set(plan.layers.filter(layer => layer.tier === 'device').map(layer => layer.name));
  const planned = new Set(plan.layers.map(layer => layer.name));
  if (planned.size !== graph.layers.length || graph.layers.some(layer => !planned.has(layer.name))) {
    throw new ExpectedError(
      'plan-stale',
      `The plan for ${plan.device} places ${planned.size} layers; the build has ${graph.layers.length}.`,
      EXIT.stale,
      {hints: ['edgewise plan']},
    );
  }
  const segments = encodeCut(
    plan,
    prepared,
    extractSegments(
      graph,
      new Set(graph.layers.filter(layer => onDevice.has(layer.name)).map(layer => layer.index)),
    ),
  );

  const head = segments.head === null ? null : await writeSegment(project.store, 'head', segments.head);
  const tail = segments.tail === null ? null : await prepareTail(project, segments.tail);
  const cloud = cloudOf(project.project);
  const known = new Map([...prepared.types, ...segments.wireTypes]);
  const content = {
    madeFrom: {plan: digestOfBytes(planText), build: plan.build},
    device: device.name,
    plan: digestOfBytes(planText),
    runtime: runtimeDigest,
    endpoint: {port: endpointPortOf(device)},
    model: {
      name: prepared.name,
      inputs: specsOf(graph.inputs, known),
      outputs: specsOf(graph.outputs, known),
    },
    threads: plan.threads,
    ...(head === null
      ? {}
      : {
          head: {
            graph: head.graph,
            inputs: specsOf(segments.headInputs, known),
            outputs: specsOf(segments.headOutputs, known),
          },
        }),
    ...(tail === null || cloud === null
      ? {}
      : {
          tail: {
            url: cloud.url,
            modelName: tail.name,
            inputs: specsOf(segments.tailInputs, known),
            outputs: specsOf(segments.tailOutputs, known),
          },
        }),
    files: [...(head?.files ?? [])],
  };
  const id = hexOfDigest(digestOfBytes(JSON.stringify(content))).slice(0, 16);
  const release: Release = {
    kind: 'edgewise/release',
    formatVersion: 1,
    madeBy: plan.madeBy,
    // The plan's time, not now: the same plan must give the same bytes.
    madeAt: plan.madeAt,
    id,
    ...content,
  };
  const manifest = new TextEncoder().encode(jsonFromDocument('release', release));
  const manifestDigest = await project.store.put([manifest]);
  return {
    release,
    tail,
    files: [
      ...content.files.map(file => ({...file, source: project.store.pathOf(file.digest)})),
      {
        path: 'release.json',
        digest: manifestDigest,
        sizeBytes: manifest.byteLength,
        source: project.store.pathOf(manifestDigest),
      },
    ],
  };
}

/** The segments with what crosses as the plan says it travels. */
function encodeCut(
  plan: Pick<Plan, 'cut'>,
  {graph, types}: Pick<PreparedModel, 'graph' | 'types'>,
  segments: Segments,
): EncodedSegments {
  const encodings = plan.cut.flatMap(row => {
    const encoding = encodingOfRow(row);
    return encoding === null ? [] : [[row.tensor, encoding] as const];
  });
  return encodeBoundary(segments, {encodings: new Map(encodings), types, modelOutputs: graph.outputs});
}

/** A tail is named by its content, so devices with the same cut share it and an old release keeps the one it knows. */
async function prepareTail(
  project: OpenProject,
  model: Parameters<typeof writeSegment>[2],
): Promise<CloudModel> {
  const written = await writeSegment(project.store, 'model', model);
  const graph = written.files.find(file => file.path === written.graph);
  if (graph === undefined) throw new Error('a segment has no graph file');
  const stem = basename(project.modelFile).replace(/\.onnx$/, '');
  return {
    name: `${stem}-${hexOfDigest(graph.digest).slice(0, 12)}`,
    graph: written.graph,
    files: written.files,
  };
}
