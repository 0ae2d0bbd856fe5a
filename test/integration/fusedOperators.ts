import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {optimizeBytes} from '../../src/engine/optimizeModel.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {openModel} from '../../src/workflows/openModel.ts';

/** What ONNX Runtime makes of a model's layers, in its order. */
export async function fusedOperators(
  model: OnnxModel,
  level: 'extended' | 'all' = 'extended',
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-fused-'));
  try {
    const fused = join(folder, 'fused.onnx');
    await optimizeBytes(bytesFromModel(model), 'the model', fused, level);
    const opened = openModel(fused);
    opened.close();
    return opened.model.graph.nodes.map(({operator}) => operator);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}
