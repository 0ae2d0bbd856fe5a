import {join} from 'node:path';
import {runOnce} from '../engine/session.ts';
import type {RunModel} from '../model/foldConstants.ts';
import {bytesFromModel} from '../model/onnx/writeModel.ts';
import {isSmall, storeWeights, writeBesideWeights} from './storeWeights.ts';

/** Runs what constants are computed by, through ONNX Runtime; a model that is not small goes through files of `folder`. */
export function runWithoutInputs(folder: string): RunModel {
  return async model => {
    if (isSmall(model))
      return new Map(Object.entries((await runOnce({bytes: bytesFromModel(model)}, {})).outputs));
    const path = join(folder, 'constants.onnx');
    const stored = await storeWeights(model, folder);
    await writeBesideWeights(stored.model, path);
    const {outputs} = await runOnce({path}, {});
    await stored.close();
    return new Map(Object.entries(outputs));
  };
}
