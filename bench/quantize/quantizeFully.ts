/**
 * Quantises one model as `edgewise compile` does, with all that makes it good: the target's first int8 candidate, and those
 * for products of matrices where the model mostly is that. Where one misses the budget, another with so many layers kept in
 * float that it does not.
 *
 *   node quantizeFully.ts MODEL FOLDER TARGET GAIN_DB PEER…    prints [{"name", "path", "seconds", "kept", "steps"}]
 *
 * FOLDER: with calibration.npy and evaluation.npy. The budget is the best signal-to-noise ratio of the peers' files on the
 * evaluation samples, and GAIN_DB more.
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {QuantizationScheme} from '../../src/documents/quantizationScheme.ts';
import {writeModel} from '../../src/model/onnx/writeModel.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {keepWithinBudget} from '../../src/workflows/builds/keepWithinBudget.ts';
import type {LoweredBuild} from '../../src/workflows/builds/lowering.ts';
import {lowerStatically} from '../../src/workflows/builds/lowerStatically.ts';
import {openAsOnTarget} from '../../src/workflows/builds/openAsOnTarget.ts';
import {openJudge, type Judge} from '../../src/workflows/builds/openJudge.ts';
import {suitedCandidates} from '../../src/workflows/builds/suitedCandidates.ts';
import {openDataSet} from '../../src/workflows/openDataSet.ts';
import {prepareFloatModel, type FloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {variedSamples} from '../../src/workflows/variedSamples.ts';
import {splitSamples} from '../../src/workflows/splitSamples.ts';
import {writeScratch} from '../../src/workspace/writeScratch.ts';

const [modelFile = '', folder = '', target = '', gainDb = '0', ...peers] = process.argv.slice(2);
const HELD_OUT_SHARE = 1 / 3;
/** Python's runtime and ours round float layers differently. */
const MARGIN_DB = 0.01;

const {candidates, saturates = false} = targetByName(target).recipe;
const temporaryFolder = mkdtempSync(join(tmpdir(), 'edgewise-bench-'));
const opening = openAsOnTarget('int8', saturates, {temporaryFolder, threads: 1});
const made = [];
try {
  const float = await prepareFloatModel({modelFile, inputShapes: {}, temporaryFolder});
  const data = await openDataSet(join(folder, 'calibration.npy'), float.inputs);
  const evaluation = await openDataSet(join(folder, 'evaluation.npy'), float.inputs);
  const judge = await openJudge({
    originalPath: await float.file(),
    samples: {
      requestCount: evaluation.requestCount,
      readRequest: index => evaluation.readRequest(index),
      rowsPerRequest: evaluation.sampleCount / evaluation.requestCount,
      labels: null,
    },
    metric: 'sqnr',
    threads: 1,
  });
  const bestPeer = [];
  for (const peer of peers) bestPeer.push((await judge.judge(peer, opening.openBuild)).value);
  const leastDb = Math.max(...bestPeer) + Number(gainDb) + MARGIN_DB;
  for (const [index, {name, suits, scheme}] of suitedCandidates(candidates, float.graph).entries()) {
    if (scheme === null || (index > 0 && suits === 'every-model')) continue;
    const started = performance.now();
    const {builds, steps} = await quantizeFully(float, data, scheme, judge, leastDb);
    for (const {build, kept} of builds) {
      const own = kept === 0 ? name : `${name}, ${kept} in float`;
      const path = join(folder, `ours-${own}.onnx`);
      await writeScratch(path, writeModel(build.model, {kind: 'inline'}).chunks);
      made.push({name: own, path, seconds: (performance.now() - started) / 1000, kept, steps});
    }
  }
  await judge.close();
  await data.close();
  await evaluation.close();
  await float.close();
} finally {
  rmSync(temporaryFolder, {recursive: true, force: true});
}
console.log(JSON.stringify(made));

async function quantizeFully(
  float: FloatModel,
  data: Awaited<ReturnType<typeof openDataSet>>,
  scheme: QuantizationScheme,
  judge: Judge,
  leastDb: number,
) {
  const heldOut = Math.floor(data.sampleCount * HELD_OUT_SHARE);
  const split = splitSamples(data.sampleCount, {
    calibration: data.sampleCount - heldOut,
    heldOut,
    seed: 0,
    isInStretches: true,
  });
  const learning = data.subset([...split.calibration, ...split.heldOut]);
  const runner = startSampleRunner(variedSamples(learning, split.calibration.length), {temporaryFolder});
  const lowering = await lowerStatically(
    {
      graph: float.graph,
      runner,
      calibrationRequests: split.calibration.length,
      distinctRequests: learning.requestCount,
      mode: 'fused',
      without: [],
      seed: 0,
      report: () => {},
    },
    scheme,
  );
  const task = {
    lowering,
    judge,
    runner: startSampleRunner(learning, {temporaryFolder}),
    async write({model}: LoweredBuild) {
      const path = join(temporaryFolder, 'build.onnx');
      await writeScratch(path, writeModel(model, {kind: 'inline'}).chunks);
      return path;
    },
    ...opening,
  };
  const plain = await keepWithinBudget({...task, budget: null});
  const builds = [{build: plain.build, kept: 0}];
  if (plain.judgement.value < leastDb) {
    const held = await keepWithinBudget({...task, budget: {kind: 'at-least', limit: leastDb}});
    if (held.isWithinBudget) builds.push({build: held.build, kept: held.keptLayers.length});
  }
  const steps = lowering.decisions.map(({decision, reason}) => `${decision}: ${reason}`);
  return {builds, steps};
}
