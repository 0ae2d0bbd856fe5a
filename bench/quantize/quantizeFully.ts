/**
 * Quantises one model as `edgewise compile` does, with all that makes it good, without judging it.
 *
 *   node quantizeFully.ts MODEL CALIBRATION.npy OUT.onnx TARGET    prints {"seconds", "steps"}
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {writeModel} from '../../src/model/onnx/writeModel.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {lowerStatically} from '../../src/workflows/builds/lowerStatically.ts';
import {openDataSet} from '../../src/workflows/openDataSet.ts';
import {prepareFloatModel, type FloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {startSampleRunner} from '../../src/workflows/startSampleRunner.ts';
import {variedSamples} from '../../src/workflows/variedSamples.ts';
import {splitSamples} from '../../src/workflows/splitSamples.ts';
import {writeAtomically} from '../../src/workspace/writeAtomically.ts';

const [modelFile = '', calibrationFile = '', out = '', target = ''] = process.argv.slice(2);
const scheme = targetByName(target).recipe.candidates[0]?.scheme;
if (scheme === null || scheme === undefined) throw new Error(`${target} has no scheme`);
const HELD_OUT_SHARE = 1 / 3;

const temporaryFolder = mkdtempSync(join(tmpdir(), 'edgewise-bench-'));
const started = performance.now();
const steps: string[] = [];
try {
  const float = await prepareFloatModel({modelFile, inputShapes: {}, temporaryFolder});
  const data = await openDataSet(calibrationFile, float.inputs);
  const model = await quantizeFully(float, data);
  await writeAtomically(out, writeModel(model, {kind: 'inline'}).chunks);
  await data.close();
  await float.close();
} finally {
  rmSync(temporaryFolder, {recursive: true, force: true});
}
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({seconds, steps}));

async function quantizeFully(float: FloatModel, data: Awaited<ReturnType<typeof openDataSet>>) {
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
    scheme!,
  );
  steps.push(...lowering.decisions.map(({decision, reason}) => `${decision}: ${reason}`));
  return lowering.build(new Set()).model;
}
