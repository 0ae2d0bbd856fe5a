import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {randomFeeds} from '../engine/randomFeeds.ts';
import {traceTensors} from '../engine/traceTensors.ts';
import {modelExposingAllTensors, type MeasuredType} from '../model/exposeAllTensors.ts';
import type {Graph} from '../model/graph.ts';
import {inputSpecs} from '../model/inputSpecs.ts';
import {writeBesideWeights} from './storeWeights.ts';

/**
 * Element type and shape of every tensor that layers make, from one run on random inputs. The model's weights, unless it is
 * small, must lie in `folder`.
 * @throws ExpectedError `model-rejected`, `model-run-failed`, `unsupported-tensor-type`
 */
export async function measureTypes(graph: Graph, folder: string): Promise<ReadonlyMap<string, MeasuredType>> {
  const exposed = join(folder, 'exposed.onnx');
  await writeBesideWeights(modelExposingAllTensors(graph), exposed);
  const types = await traceTensors(exposed, randomFeeds(inputSpecs(graph), 0));
  await rm(exposed);
  return types;
}
