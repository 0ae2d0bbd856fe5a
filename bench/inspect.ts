/**
 * Opens a 500 MB model the way `edgewise inspect` does, in a process of its own, and prints how long that took and the
 * most memory it had: weights are never read. Exits 1 above 1 s or 250 MB.
 *
 *   node bench/inspect.ts
 */
import {execFileSync} from 'node:child_process';
import {closeSync, mkdtempSync, openSync, rmSync, writeSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Tensor} from '../src/documents/tensor.ts';
import {describeModel} from '../src/model/describeModel.ts';
import {graphFromModel} from '../src/model/graphFromModel.ts';
import {layerCosts} from '../src/model/layerCosts.ts';
import {createGraph, createModel, createNode, createValueInfo} from '../src/model/onnx/createMessages.ts';
import {modelFromSource} from '../src/model/onnx/readModel.ts';
import {tensorFromValue} from '../src/model/onnx/tensorData.ts';
import {writeModel} from '../src/model/onnx/writeModel.ts';
import {openModelFiles} from '../src/workspace/byteSource.ts';

const WIDTH = 1024;
const LAYERS = 120;
const MOST_SECONDS = 1;
const MOST_MEGABYTES = 250;

/** A stack of matrix products of 4 MiB each, streamed to the file. */
function writeLargeModel(path: string): number {
  const weight: Tensor = {
    elementType: 'float32',
    shape: [WIDTH, WIDTH],
    bytes: new Uint8Array(WIDTH * WIDTH * 4),
  };
  const places = Array.from({length: LAYERS}, (_, index) => index);
  const model = createModel(
    createGraph({
      nodes: places.map(place =>
        createNode('MatMul', [`t${place}`, `w${place}`], [`t${place + 1}`], {name: `dense${place}`}),
      ),
      initializers: places.map(place => tensorFromValue(`w${place}`, weight)),
      inputs: [createValueInfo('t0', 'float32', [1, WIDTH])],
      outputs: [createValueInfo(`t${LAYERS}`, 'float32', [1, WIDTH])],
      valueInfos: places.map(place => createValueInfo(`t${place}`, 'float32', [1, WIDTH])),
    }),
  );
  const written = writeModel(model);
  const file = openSync(path, 'w');
  for (const chunk of written.chunks) writeSync(file, chunk);
  closeSync(file);
  return written.sizeBytes;
}

function inspect(path: string): {milliseconds: number; peakMegabytes: number; multiplyAdds: number} {
  const started = performance.now();
  const files = openModelFiles(path);
  const graph = graphFromModel(
    modelFromSource(files.source, {fileName: path, openExternal: files.openExternal}),
  );
  const inspection = describeModel(graph, layerCosts(graph));
  files.close();
  return {
    milliseconds: performance.now() - started,
    peakMegabytes: process.resourceUsage().maxRSS / 1000,
    multiplyAdds: inspection.totals.multiplyAdds,
  };
}

const [flag, path] = process.argv.slice(2);
if (flag === '--child') {
  console.log(JSON.stringify(inspect(path!)));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-inspect-'));
  try {
    const file = join(folder, 'large.onnx');
    const sizeBytes = writeLargeModel(file);
    const started = performance.now();
    const printed = execFileSync(process.execPath, [import.meta.filename, '--child', file], {
      encoding: 'utf8',
    });
    const wholeSeconds = (performance.now() - started) / 1000;
    const {milliseconds, peakMegabytes, multiplyAdds} = JSON.parse(printed) as ReturnType<typeof inspect>;
    console.log(
      `${(sizeBytes / 1e6).toFixed(0)} MB, ${(multiplyAdds / 1e6).toFixed(0)} M multiply-adds: ` +
        `opened and described in ${milliseconds.toFixed(0)} ms (process ${wholeSeconds.toFixed(2)} s), ` +
        `peak ${peakMegabytes.toFixed(0)} MB`,
    );
    if (wholeSeconds > MOST_SECONDS || peakMegabytes > MOST_MEGABYTES) process.exitCode = 1;
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}
