import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {openSession} from '../../src/engine/session.ts';
import {optimizeModel} from '../../src/engine/optimizeModel.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {sourceFromBytes} from '../../src/model/onnx/byteSource.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {
  emulateSaturation,
  type EmulatedModel,
  type OpenedModel,
} from '../../src/quantize/saturation/emulateSaturation.ts';

/** A quantised model as a processor without VNNI computes it, fused and run by onnxruntime-node. */
export async function emulateModel(model: OnnxModel, folder: string): Promise<EmulatedModel> {
  const [from, to] = [join(folder, 'quantised.onnx'), join(folder, 'fused.onnx')];
  await writeFile(from, bytesFromModel(model));
  await optimizeModel(from, to, 'extended');
  const fused = modelFromSource(sourceFromBytes(await readFile(to)), {fileName: to});
  return emulateSaturation(graphFromModel(fused), openModel);
}

async function openModel(model: OnnxModel): Promise<OpenedModel> {
  const session = await openSession({bytes: bytesFromModel(model)}, {optimization: 'all', threads: 1});
  return {
    run: async feeds => (await session.run(feeds)).outputs,
    close: () => session.close(),
  };
}
