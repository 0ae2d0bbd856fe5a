/**
 * Quantises the weights of a model, file to file; the counterpart of quantizePeer.py.
 *
 *   node quantizeOurs.ts MODEL.onnx OUT.onnx KIND    prints {"seconds", "peakMegabytes"}
 *
 * KIND: int8 (dynamic, weights per channel), int4 and int4-searched (MatMulNBits, blocks of 32, symmetric), and arithmetic
 * (nothing but the integers per channel, nothing written).
 */
import type {Graph} from '../../src/model/graph.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {writeModel} from '../../src/model/onnx/writeModel.ts';
import {viewFloats} from '../../src/quantize/precision/floatWeight.ts';
import type {LoweredModel} from '../../src/quantize/precision/loweredModel.ts';
import {quantizeDynamically} from '../../src/quantize/precision/quantizeDynamically.ts';
import {quantizeToBlocks} from '../../src/quantize/precision/quantizeToBlocks.ts';
import {quantizeWeights} from '../../src/quantize/quantizeWeights.ts';
import {openModel} from '../../src/workflows/openModel.ts';
import {writeAtomically} from '../../src/workspace/writeAtomically.ts';

const LOWER: Readonly<Record<string, (graph: Graph) => LoweredModel>> = {
  int8: graph => quantizeDynamically(graph),
  int4: graph => quantizeToBlocks(graph),
  'int4-searched': graph => quantizeToBlocks(graph, {search: 'mse'}),
};

const [modelFile = '', out = '', kind = ''] = process.argv.slice(2);
const lower = LOWER[kind];
const opened = openModel(modelFile);
let seconds: number;
if (lower === undefined) {
  const weights = opened.model.graph.initializers.map(tensor => ({tensor, values: viewFloats(tensor)}));
  const started = performance.now();
  for (const {tensor, values} of weights) quantizeWeights(values, tensor.dims, 1, {bits: 8});
  seconds = (performance.now() - started) / 1000;
} else {
  const started = performance.now();
  const {model} = lower(graphFromModel(opened.model));
  await writeAtomically(out, writeModel(model, {kind: 'inline'}).chunks);
  seconds = (performance.now() - started) / 1000;
}
opened.close();
console.log(JSON.stringify({seconds, peakMegabytes: process.resourceUsage().maxRSS / 1000}));
