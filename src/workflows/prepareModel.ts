import {basename} from 'node:path';
import {z} from 'zod';
import {ELEMENT_TYPES} from '../documents/elementTypes.ts';
import {sha256Digest} from '../documents/header.ts';
import type {TensorSpec} from '../documents/tensor.ts';
import {readRuntimeVersion} from '../engine/runtimeVersion.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {dropUnused} from '../model/dropUnused.ts';
import {withMeasuredTypes, type MeasuredType} from '../model/exposeAllTensors.ts';
import {fixInputShapes} from '../model/fixInputShapes.ts';
import {foldConstants} from '../model/foldConstants.ts';
import type {Graph} from '../model/graph.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {inputSpecs} from '../model/inputSpecs.ts';
import {nameLayers} from '../model/nameLayers.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {writeModel} from '../model/onnx/writeModel.ts';
import {stripOverridableInitializers} from '../model/stripOverridableInitializers.ts';
import {digestOfBytes} from '../workspace/digest.ts';
import {readDocumentText, writeDocument} from '../workspace/projectFolder.ts';
import {explainRejection} from './explainRejection.ts';
import {measureTypes} from './measureTypes.ts';
import {digestOfModel, openModel} from './openModel.ts';
import type {OpenProject} from './openProject.ts';
import {openOptimizedModel} from './optimizedModel.ts';
import {runWithoutInputs} from './runWithoutInputs.ts';
import {storeWeights} from './storeWeights.ts';

/** Changes when the steps below do, so that old cache entries are not taken for new ones. */
const RECIPE_VERSION = 1;

/** Portable between processors; what needs this very CPU is left to the device. */
const LEVEL = 'extended';

/** The compiled model that profiles, plans and releases speak of: fused, constant-folded, every shape known. */
export interface PreparedModel {
  /** As its users see it: the file's name without .onnx. */
  readonly name: string;
  /** Of the user's model, its external data included. */
  readonly modelDigest: string;
  /** Of the compiled file in the store. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly graph: Graph;
  readonly inputs: readonly TensorSpec[];
  readonly types: ReadonlyMap<string, MeasuredType>;
  readonly recipe: readonly {readonly decision: string; readonly reason: string}[];
  readonly runtimeVersion: string;
}

const cacheEntry = z.strictObject({
  digest: sha256Digest,
  sizeBytes: z.int(),
  recipe: z.array(z.strictObject({decision: z.string(), reason: z.string()})),
  types: z.array(z.tuple([z.string(), z.enum(ELEMENT_TYPES), z.array(z.int())])),
});

/**
 * Compiles the project's model once and hands it to `work`: the same model, input shapes and runtime come from the cache.
 * @throws ExpectedError `not-an-onnx-model`, `external-data-missing`, `operator-unsupported`, `input-shape-missing` …
 */
export async function withPreparedModel<T>(
  project: OpenProject,
  emit: EmitEvent,
  work: (prepared: PreparedModel) => Promise<T>,
): Promise<T> {
  const runtimeVersion = readRuntimeVersion();
  const {modelDigest, entry} = await compileOnce(project, runtimeVersion, emit);
  const compiled = openModel(project.store.pathOf(entry.digest));
  try {
    const types = new Map(entry.types.map(([name, elementType, shape]) => [name, {elementType, shape}]));
    const graph = withMeasuredTypes(graphFromModel(compiled.model), types);
    return await work({
      name: basename(project.modelFile).replace(/\.onnx$/, ''),
      modelDigest,
      digest: entry.digest,
      sizeBytes: entry.sizeBytes,
      graph,
      inputs: inputSpecs(graph),
      types,
      recipe: entry.recipe,
      runtimeVersion,
    });
  } finally {
    compiled.close();
  }
}

async function compileOnce(project: OpenProject, runtimeVersion: string, emit: EmitEvent) {
  const source = openModel(project.modelFile);
  try {
    const modelDigest = await digestOfModel(project.modelFile, source.model);
    const key = digestOfBytes(
      JSON.stringify([modelDigest, project.project.model.inputs ?? {}, runtimeVersion, RECIPE_VERSION]),
    ).slice('sha256:'.length);
    const cacheFile = project.cacheFile(`prepared/${key}.json`);
    const cached = await readCacheEntry(project, cacheFile);
    if (cached !== null) return {modelDigest, entry: cached};
    const entry = await runStep(emit, 'compile', `compile ${basename(project.modelFile)}`, () =>
      compile(project, source.model),
    );
    await writeDocument(cacheFile, JSON.stringify(entry));
    return {modelDigest, entry};
  } finally {
    source.close();
  }
}

async function readCacheEntry(
  project: OpenProject,
  file: string,
): Promise<z.infer<typeof cacheEntry> | null> {
  const text = await readDocumentText(file);
  if (text === null) return null;
  const entry = cacheEntry.safeParse(JSON.parse(text));
  return entry.success && project.store.has(entry.data.digest) ? entry.data : null;
}

async function compile(project: OpenProject, original: OnnxModel): Promise<z.infer<typeof cacheEntry>> {
  const recipe: {decision: string; reason: string}[] = [];
  const decide = (decision: string, reason: string): void => void recipe.push({decision, reason});
  const label = basename(project.modelFile);

  const named = nameLayers(stripOverridableInitializers(original));
  const fixed = dropUnused(fixInputShapes(named, project.project.model.inputs ?? {}));
  const before = graphFromModel(fixed);
  return explainRejection(fixed, label, () =>
    project.withTemporaryFolder(async folder => {
      const folded = await foldConstants(fixed, runWithoutInputs(folder));
      const constants = before.layers.length - graphFromModel(folded).layers.length;
      if (constants > 0) {
        decide(`fold ${constants} constant layers`, 'computed weights would otherwise cross the cut');
      }

      const stored = await storeWeights(folded, folder);
      const optimized = await openOptimizedModel(stored.model, folder, LEVEL).finally(() => stored.close());
      const written = writeModel(optimized.model, {kind: 'inline'});
      const digest = await project.store.put(written.chunks);
      const graph = graphFromModel(optimized.model);
      decide(
        `graph optimisation level ${LEVEL}`,
        'the highest that runs unchanged on every processor, and cuts of it are exact',
      );
      decide('fp32', 'no lower precision was asked for');

      const traced = await measureTypes(graph, folder);
      optimized.close();
      const types = [...withMeasuredTypes(graph, traced).tensors.values()].flatMap(tensor =>
        tensor.elementType === undefined || tensor.shape === undefined
          ? []
          : [
              [tensor.name, tensor.elementType, [...tensor.shape]] as [
                string,
                typeof tensor.elementType,
                number[],
              ],
            ],
      );
      return {digest, sizeBytes: written.sizeBytes, recipe, types};
    }),
  );
}
