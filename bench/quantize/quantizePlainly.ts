/**
 * Quantises one model with the recipe of the peer's `per-channel` (uint8 × int8 per channel, nothing else), file to file,
 * once for each line on stdin; the counterpart of quantizePeer.py.
 *
 *   node quantizePlainly.ts MODEL CALIBRATION.npy METHOD OUT.onnx [SAMPLES]    prints {"seconds", "peakMegabytes"} a time
 *
 * METHOD: per-channel (ranges by min-max), entropy, percentile. SAMPLES: repeats the calibration samples up to this number.
 * The seconds are those of reading, preparing, calibrating, quantising and writing; loading modules and the runtime, which
 * Python's `import` does, is not counted. Like the peer, and like builds that are judged before one is handed out, it does
 * not wait until the file is on the disk.
 */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {runOnce} from '../../src/engine/session.ts';
import {createGraph, createModel, createNode, createValueInfo} from '../../src/model/onnx/createMessages.ts';
import {bytesFromModel, writeModel} from '../../src/model/onnx/writeModel.ts';
import {compactModel} from '../../src/quantize/compactModel.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../src/quantize/ranges/collectRanges.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {openDataSet} from '../../src/workflows/openDataSet.ts';
import {prepareFloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {writeScratch} from '../../src/workspace/writeScratch.ts';

const METHODS = {'per-channel': 'min-max', entropy: 'entropy', percentile: {percentile: 99.999}} as const;

const [modelFile = '', calibrationFile = '', method = '', out = '', repeatTo] = process.argv.slice(2);
const scheme = targetByName('x86-vnni').recipe.candidates[0]?.scheme;
if (scheme === null || scheme === undefined) throw new Error('x86-vnni has no scheme');

const lines = createInterface({input: process.stdin})[Symbol.asyncIterator]();
while ((await lines.next()).done !== true) {
  await loadRuntime();
  const started = performance.now();
  await quantize();
  const seconds = (performance.now() - started) / 1000;
  console.log(JSON.stringify({seconds, peakMegabytes: peakMegabytes()}));
}

async function quantize(): Promise<void> {
  const temporaryFolder = mkdtempSync(join(tmpdir(), 'edgewise-bench-'));
  try {
    const float = await prepareFloatModel({modelFile, inputShapes: {}, temporaryFolder});
    const data = await openDataSet(calibrationFile, float.inputs);
    const samples = {
      requestCount: repeatTo === undefined ? data.requestCount : Number(repeatTo),
      readRequest: (index: number) => data.readRequest(index % data.requestCount),
    };
    const plan = planQuantization(float.graph, scheme!);
    const ranges = await collectRanges(
      float.graph,
      tensorsToMeasure(plan),
      startSampleRunner(samples, {temporaryFolder}),
      METHODS[method as keyof typeof METHODS],
    );
    const model = compactModel(quantizeGraph(float.graph, plan, scheme!, ranges), float.graph);
    await writeScratch(out, writeModel(model, {kind: 'inline'}).chunks);
    await data.close();
    await float.close();
  } finally {
    rmSync(temporaryFolder, {recursive: true, force: true});
  }
}

/** The thread that this is done in waits for more work. */
async function loadRuntime(): Promise<void> {
  const graph = createGraph({
    nodes: [createNode('Identity', ['x'], ['y'])],
    inputs: [createValueInfo('x', 'float32', [1])],
    outputs: [createValueInfo('y', 'float32', [1])],
  });
  const model = createModel(graph, {opsetImports: [{domain: '', version: 13, unknown: []}], irVersion: 8});
  const x = {elementType: 'float32', shape: [1], bytes: new Uint8Array(4)} as const;
  await runOnce({bytes: bytesFromModel(model)}, {x});
}

/** Of the whole process with all of its threads; it starts no others. */
function peakMegabytes(): number {
  const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}
