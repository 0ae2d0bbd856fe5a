/**
 * Quantises one model as `edgewise compile` does, without judging it; the counterpart of quantizePeer.py.
 *
 *   node quantizeOurs.ts MODEL CALIBRATION.npy RECIPE OUT.onnx [SAMPLES]    prints {"seconds", "peakMegabytes", "steps"}
 *
 * RECIPE: plain (uint8 × int8 per channel, min-max, nothing else: the peer's `per-channel`), percentile, entropy (plain with
 * other ranges), full (all that makes it good). SAMPLES: repeats the calibration samples up to this number.
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {writeModel} from '../../src/model/onnx/writeModel.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../src/quantize/ranges/collectRanges.ts';
import {compactModel} from '../../src/quantize/compactModel.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {lowerStatically} from '../../src/workflows/builds/lowerStatically.ts';
import {openDataSet} from '../../src/workflows/openDataSet.ts';
import {prepareFloatModel, type FloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {startSampleRunner, type SampleSource} from '../../src/workflows/startSampleRunner.ts';
import {variedSamples} from '../../src/workflows/variedSamples.ts';
import {splitSamples} from '../../src/workflows/splitSamples.ts';
import {writeAtomically} from '../../src/workspace/writeAtomically.ts';

const [modelFile = '', calibrationFile = '', recipe = 'plain', out = '', repeatTo] = process.argv.slice(2);
const scheme = targetByName('x86-vnni').recipe.candidates[0]?.scheme;
if (scheme === null || scheme === undefined) throw new Error('x86-vnni has no scheme');
const HELD_OUT_SHARE = 1 / 3;

const temporaryFolder = mkdtempSync(join(tmpdir(), 'edgewise-bench-'));
const started = performance.now();
const steps: string[] = [];
try {
  const float = await prepareFloatModel({modelFile, inputShapes: {}, temporaryFolder});
  const data = await openDataSet(calibrationFile, float.inputs);
  const source = repeated(data, repeatTo === undefined ? data.requestCount : Number(repeatTo));
  const model = recipe === 'full' ? await quantizeFully(float, data) : await quantizePlainly(float, source);
  await writeAtomically(out, writeModel(model, {kind: 'inline'}).chunks);
  await data.close();
  await float.close();
} finally {
  rmSync(temporaryFolder, {recursive: true, force: true});
}
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({seconds, peakMegabytes: process.resourceUsage().maxRSS / 1000, steps}));

async function quantizePlainly({graph}: FloatModel, samples: SampleSource) {
  const plan = planQuantization(graph, scheme!);
  const runner = startSampleRunner(samples, {temporaryFolder});
  const method =
    recipe === 'percentile' ? {percentile: 99.999} : recipe === 'entropy' ? 'entropy' : 'min-max';
  const ranges = await collectRanges(graph, tensorsToMeasure(plan), runner, method);
  return compactModel(quantizeGraph(graph, plan, scheme!, ranges), graph);
}

async function quantizeFully(float: FloatModel, data: Awaited<ReturnType<typeof openDataSet>>) {
  const heldOut = Math.floor(data.sampleCount * HELD_OUT_SHARE);
  const split = splitSamples(data.sampleCount, {
    calibration: data.sampleCount - heldOut,
    heldOut,
    seed: 0,
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

function repeated(source: SampleSource, requestCount: number): SampleSource {
  return {requestCount, readRequest: index => source.readRequest(index % source.requestCount)};
}
