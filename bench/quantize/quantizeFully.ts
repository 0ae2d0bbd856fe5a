/**
 * Quantises one model as `edgewise compile` does, with all that makes it good, without judging it: the target's first
 * int8 candidate, and those for products of matrices where the model mostly is that.
 *
 *   node quantizeFully.ts MODEL CALIBRATION.npy FOLDER TARGET    prints [{"name", "path", "seconds", "steps"}]
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {QuantizationScheme} from '../../src/documents/quantizationScheme.ts';
import {writeModel} from '../../src/model/onnx/writeModel.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {lowerStatically} from '../../src/workflows/builds/lowerStatically.ts';
import {suitedCandidates} from '../../src/workflows/builds/suitedCandidates.ts';
import {openDataSet} from '../../src/workflows/openDataSet.ts';
import {prepareFloatModel, type FloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {startSampleRunner} from '../../src/workflows/startSampleRunner.ts';
import {variedSamples} from '../../src/workflows/variedSamples.ts';
import {splitSamples} from '../../src/workflows/splitSamples.ts';
import {writeAtomically} from '../../src/workspace/writeAtomically.ts';

const [modelFile = '', calibrationFile = '', folder = '', target = ''] = process.argv.slice(2);
const HELD_OUT_SHARE = 1 / 3;

const temporaryFolder = mkdtempSync(join(tmpdir(), 'edgewise-bench-'));
const made = [];
try {
  const float = await prepareFloatModel({modelFile, inputShapes: {}, temporaryFolder});
  const data = await openDataSet(calibrationFile, float.inputs);
  const suited = suitedCandidates(targetByName(target).recipe.candidates, float.graph);
  for (const [index, {name, suits, scheme}] of suited.entries()) {
    if (scheme === null || (index > 0 && suits === 'every-model')) continue;
    const started = performance.now();
    const path = join(folder, `ours-${name}.onnx`);
    const {model, steps} = await quantizeFully(float, data, scheme);
    await writeAtomically(path, writeModel(model, {kind: 'inline'}).chunks);
    made.push({name, path, seconds: (performance.now() - started) / 1000, steps});
  }
  await data.close();
  await float.close();
} finally {
  rmSync(temporaryFolder, {recursive: true, force: true});
}
console.log(JSON.stringify(made));

async function quantizeFully(
  float: FloatModel,
  data: Awaited<ReturnType<typeof openDataSet>>,
  scheme: QuantizationScheme,
) {
  const heldOut = Math.floor(data.sampleCount * HELD_OUT_SHARE);
  const split = splitSamples(data.sampleCount, {
    calibration: data.sampleCount - heldOut,
    heldOut,
    seed: 0,
    isInStretches: true,
  });
  const learning = data.subset([...split.calibration, ...split.heldOut]);
  const lowering = await lowerStatically(
    {
      graph: float.graph,
      runner: startSampleRunner(variedSamples(learning, split.calibration.length), {temporaryFolder}),
      calibrationRequests: split.calibration.length,
      distinctRequests: learning.requestCount,
      mode: 'fused',
      without: [],
      seed: 0,
      report: () => {},
    },
    scheme,
  );
  const steps = lowering.decisions.map(({decision, reason}) => `${decision}: ${reason}`);
  return {model: lowering.build(new Set()).model, steps};
}
