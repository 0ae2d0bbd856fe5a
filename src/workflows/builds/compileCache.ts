import {join} from 'node:path';
import {z} from 'zod';
import {buildSchema, PRECISIONS} from '../../documents/build.ts';
import {sha256Digest} from '../../documents/header.ts';
import {readRuntimeVersion} from '../../engine/runtimeVersion.ts';
import {digestOfBytes, digestOfFile, hexOfDigest} from '../../workspace/digest.ts';
import {readOwnVersion} from '../../workspace/ownVersion.ts';
import {readDocumentText, writeDocument} from '../../workspace/projectFolder.ts';
import type {Store} from '../../workspace/store.ts';
import type {CompiledModel, CompileJob} from './compileJob.ts';

/** Changes when the arithmetic does, so that what an older version made is not taken for this one's. */
const ARITHMETIC_VERSION = 2;

const compiledSchema = z.strictObject({
  modelDigest: sha256Digest,
  originalSizeBytes: z.int(),
  runtimeVersion: z.string(),
  candidates: z.array(
    z.strictObject({
      name: z.string(),
      precision: z.enum(PRECISIONS),
      digest: sha256Digest,
      sizeBytes: z.int(),
      layers: z.int(),
      recipe: buildSchema.shape.recipe,
      floatLayers: buildSchema.shape.floatLayers.unwrap(),
      fidelity: buildSchema.shape.fidelity,
      accuracy: z.number().nullable(),
      isWithinBudget: z.boolean(),
      validations: z.int(),
      pruning: z
        .strictObject({
          unpruned: z.string(),
          savedShare: z.number(),
          groups: z.array(z.strictObject({layers: z.array(z.string()), channels: z.int(), removed: z.int()})),
          sparseLayers: z.array(z.string()),
        })
        .nullable(),
    }),
  ),
  calibration: buildSchema.shape.calibration.unwrap().nullable(),
  judged: z
    .strictObject({
      metric: z.string(),
      isHigherBetter: z.boolean(),
      original: z.number().nullable(),
      samples: z.int(),
    })
    .nullable(),
  pruningEnded: z.string().nullable(),
  pruningLeftOut: buildSchema.shape.recipe,
  warnings: z.array(z.string()),
});

/** Digest of the model, of the data in their parts and of every setting: equal keys mean equal builds. */
export function keyOfJob(job: CompileJob, modelDigest: string, samplesDigest: string | null): string {
  const {inputShapes, metric, budget, candidates, saturates, without, pruning, seed} = job;
  const settings = {inputShapes, metric, budget, candidates, saturates, without, pruning, seed};
  const versions = [readOwnVersion(), readRuntimeVersion(), ARITHMETIC_VERSION];
  return hexOfDigest(digestOfBytes(JSON.stringify([modelDigest, samplesDigest, settings, versions])));
}

/** What was compiled under this key; `null` when nothing was, or when anything of it is damaged: then it is made anew. */
export async function readCompiled(
  cacheFolder: string,
  key: string,
  store: Store,
): Promise<CompiledModel | null> {
  const text = await readDocumentText(join(cacheFolder, `${key}.json`));
  if (text === null) return null;
  const entry = compiledSchema.safeParse(valueOf(text));
  if (!entry.success) return null;
  for (const {digest} of entry.data.candidates) {
    if (!store.has(digest) || (await digestOfFile(store.pathOf(digest))) !== digest) return null;
  }
  return entry.data;
}

export async function writeCompiled(
  cacheFolder: string,
  key: string,
  compiled: CompiledModel,
): Promise<void> {
  await writeDocument(join(cacheFolder, `${key}.json`), JSON.stringify(compiled));
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
