import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {randomFeeds} from '../engine/randomFeeds.ts';
import {traceTensors} from '../engine/traceTensors.ts';
import {declaredTypes, isTypeMissed} from '../model/declareTensors.ts';
import {modelExposingAllTensors, withMeasuredTypes, type MeasuredType} from '../model/exposeAllTensors.ts';
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

/**
 * The graph with the types that the runtime inferred and, only where these leave out a tensor that something reads (shapes
 * may depend on values), with measured ones.
 * @throws ExpectedError as measureTypes
 */
export async function completeTypes(
  graph: Graph,
  inferred: ReadonlyMap<string, MeasuredType>,
  folder: string,
): Promise<ReadonlyMap<string, MeasuredType>> {
  const typed = withMeasuredTypes(graph, inferred);
  const known = declaredTypes(typed);
  if (![...typed.tensors.values()].some(isTypeMissed)) return known;
  return new Map([...known, ...(await measureTypes(graph, folder))]);
}
