/**
 * Every model of the corpus: prepared for quantisation, held against the original, quantised to int8 and held against the
 * prepared one. Besides what the tests run: the light topologies of ../shared/models with seeded weights, and a model of
 * 2.25 GiB, made for it and removed after. That one takes minutes and 10 GB of disk. Exits 1 where a bound is missed.
 *
 *   node bench/corpus.ts [NAME …]
 */
import {globSync, mkdtempSync, rmSync, statfsSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {foldConstants} from '../src/model/foldConstants.ts';
import {writeModel} from '../src/model/onnx/writeModel.ts';
import {stripOverridableInitializers} from '../src/model/stripOverridableInitializers.ts';
import {openModel} from '../src/workflows/openModel.ts';
import {runWithoutInputs} from '../src/workflows/runWithoutInputs.ts';
import {startSampleRunner} from '../src/workflows/sampleRuns/startSampleRunner.ts';
import {writeAtomically} from '../src/workspace/writeAtomically.ts';
import {withSeededWeights} from '../test/integration/cutRecipe.ts';
import {explainSharedModels, SHARED_MODELS} from '../test/integration/sharedModels.ts';
import {BOUNDS, checkModel, writeCorpusModel, type CorpusResult} from '../test/tools/corpus/checkModel.ts';
import {CORPUS, SHARED_CORPUS} from '../test/tools/corpus/corpus.ts';
import {writeLargeModel} from '../test/tools/corpus/largeModel.ts';

const LARGE_DISK_BYTES = 10e9;

interface Entry {
  readonly name: string;
  readonly tolerance?: number;
  check(folder: string): Promise<CorpusResult>;
}

function entries(): Entry[] {
  const small = CORPUS.map((one): Entry => ({
    ...one,
    check: async folder => checkModel(await writeCorpusModel(one, folder), folder, one),
  }));
  const hasShared = explainSharedModels('the real models');
  const shared = SHARED_CORPUS.map((one): Entry => ({
    ...one,
    name: one.path,
    check: folder => checkModel(join(SHARED_MODELS, one.path), folder, one),
  }));
  const light = globSync(join(SHARED_MODELS, 'light-topologies/*.onnx'))
    .sort()
    .map((path): Entry => ({
      name: `${basename(path)}, seeded weights`,
      check: async folder => checkModel(await writeSeeded(path, folder), folder),
    }));
  return [
    ...small,
    ...(hasShared ? [...shared, ...light] : []),
    {name: '2.25 GiB of weights', check: checkLarge},
  ];
}

async function writeSeeded(source: string, folder: string): Promise<string> {
  const opened = openModel(source);
  const folded = await foldConstants(stripOverridableInitializers(opened.model), runWithoutInputs(folder));
  const path = join(folder, 'seeded.onnx');
  await writeAtomically(path, writeModel(withSeededWeights(folded), {kind: 'inline'}).chunks);
  opened.close();
  return path;
}

async function checkLarge(folder: string): Promise<CorpusResult> {
  const {bavail, bsize} = statfsSync(folder);
  if (bavail * bsize < LARGE_DISK_BYTES) throw new Error(`${folder} has less than 10 GB free`);
  return checkModel(await writeLargeModel(folder), folder, {
    startRunner: (feed, requestCount) =>
      startSampleRunner({requestCount, readRequest: async seed => feed(seed)}, {temporaryFolder: folder}),
  });
}

const wanted = process.argv.slice(2);
let misses = 0;
for (const entry of entries()) {
  if (wanted.length > 0 && !wanted.some(word => entry.name.includes(word))) continue;
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-corpus-'));
  const started = performance.now();
  try {
    const {difference, decibels, quantizedLayers, layers} = await entry.check(folder);
    const isWithin =
      difference <= (entry.tolerance ?? BOUNDS.difference) && (decibels ?? Infinity) >= BOUNDS.decibels;
    if (!isWithin) misses += 1;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${isWithin ? 'ok  ' : 'MISS'} ${entry.name.padEnd(66)} difference ${difference.toExponential(1)}  ` +
        `int8 ${String(decibels?.toFixed(1) ?? '-').padStart(5)} dB  ${quantizedLayers} of ${layers} layers  ${seconds} s`,
    );
  } catch (error) {
    misses += 1;
    console.log(`FAIL ${entry.name}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}
console.log(
  misses === 0
    ? `all within ${BOUNDS.difference} of the original (float16: 5e-3) and ${BOUNDS.decibels} dB after int8`
    : `${misses} missed`,
);
process.exitCode = misses === 0 ? 0 : 1;
