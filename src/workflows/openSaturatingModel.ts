import {mkdtemp, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {optimizeModel} from '../engine/optimizeModel.ts';
import {openSession} from '../engine/session.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {nameLayers} from '../model/nameLayers.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {bytesFromModel} from '../model/onnx/writeModel.ts';
import {
  emulateSaturation,
  type EmulatedModel,
  type OpenedModel,
} from '../quantize/saturation/emulateSaturation.ts';
import {openModel} from './openModel.ts';

export interface SaturatingOptions {
  /** For the fused model, until it is closed. */
  readonly temporaryFolder: string;
  readonly threads: number;
}

/**
 * A quantised model file as ONNX Runtime computes it on x86 without VNNI, whatever x86 this is: it is fused as there, and
 * what saturates there is emulated. On ARM signed activations keep kernels of their own, so fusing there tells nothing.
 * @throws ExpectedError `model-rejected`, `no-such-file`
 */
export async function openSaturatingModel(path: string, options: SaturatingOptions): Promise<EmulatedModel> {
  const folder = await mkdtemp(join(options.temporaryFolder, 'saturating-'));
  const remove = () => rm(folder, {recursive: true, force: true});
  try {
    const fusedPath = join(folder, 'fused.onnx');
    await optimizeModel(path, fusedPath, 'extended', 'fused.weights');
    const fused = openModel(fusedPath);
    const graph = graphFromModel(nameLayers(fused.model));
    const emulated = emulateSaturation(graph, model => openStage(model, options.threads));
    return {
      ...emulated,
      async close() {
        await emulated.close();
        fused.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function openStage(model: OnnxModel, threads: number): Promise<OpenedModel> {
  const session = await openSession({bytes: bytesFromModel(model)}, {optimization: 'all', threads});
  return {
    run: async feeds => (await session.run(feeds)).outputs,
    close: () => session.close(),
  };
}
