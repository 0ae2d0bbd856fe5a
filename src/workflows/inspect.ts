import {join} from 'node:path';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import type {Inspection} from '../documents/inspection.ts';
import type {TensorSpec} from '../documents/tensor.ts';
import {randomFeeds} from '../engine/randomFeeds.ts';
import {traceTensors} from '../engine/traceTensors.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {runStep, type EmitEvent} from '../events.ts';
import {describeModel} from '../model/describeModel.ts';
import {modelExposingAllTensors, withMeasuredTypes} from '../model/exposeAllTensors.ts';
import {fixInputShapes} from '../model/fixInputShapes.ts';
import type {Graph} from '../model/graph.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {layerCosts} from '../model/layerCosts.ts';
import {nameLayers} from '../model/nameLayers.ts';
import {writeModel} from '../model/onnx/writeModel.ts';
import {stripOverridableInitializers} from '../model/stripOverridableInitializers.ts';
import {writeScratch} from '../workspace/writeScratch.ts';
import {explainRejection} from './explainRejection.ts';
import {openModel} from './openModel.ts';

/** A run of a larger model takes longer than someone who only looks will wait for; `--measure` asks for it. */
const MEASURED_BY_DEFAULT_BYTES = 256e6;

export interface InspectRequest {
  readonly modelFile: string;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Left out: measure when shapes are missing, every input's is known and the model is small. */
  readonly measure?: boolean;
}

/**
 * Layers, shapes, costs and cheap cuts of a model, without loading its weights. Shapes that the file does not declare
 * are measured by one run.
 * @throws ExpectedError `not-an-onnx-model`, `input-shape-missing`, `input-shape-conflict`, `operator-unsupported`
 */
export async function inspect(request: InspectRequest, emit: EmitEvent): Promise<Inspection> {
  const opened = openModel(request.modelFile);
  try {
    const stripped = nameLayers(stripOverridableInitializers(opened.model));
    const hasOpenInputs = inputSpecs(graphFromModel(stripped)) === null;
    const isAsked = request.measure === true || Object.keys(request.shapes).length > 0;
    const model = hasOpenInputs && !isAsked ? stripped : fixInputShapes(stripped, request.shapes);
    const graph = graphFromModel(model);
    const costs = layerCosts(graph);
    const wantsRun =
      request.measure ??
      (costs.totals.layersWithoutCost > 0 && costs.totals.weightBytes < MEASURED_BY_DEFAULT_BYTES);
    const inputs = inputSpecs(graph);
    if (!wantsRun || inputs === null) return describeModel(graph, costs);
    const measured = await explainRejection(model, request.modelFile, () =>
      runStep(emit, 'measure', 'measure shapes by one run', () => measureTypes(graph, inputs)),
    );
    return describeModel(measured, layerCosts(measured));
  } finally {
    opened.close();
  }
}

async function measureTypes(graph: Graph, inputs: readonly TensorSpec[]): Promise<Graph> {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-inspect-'));
  try {
    const exposed = join(folder, 'exposed.onnx');
    await writeScratch(exposed, writeModel(modelExposingAllTensors(graph), {kind: 'inline'}).chunks);
    return withMeasuredTypes(graph, await traceTensors(exposed, randomFeeds(inputs, 0)));
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/** `null` when the type or shape of an input is open. */
function inputSpecs(graph: Graph): TensorSpec[] | null {
  const specs: TensorSpec[] = [];
  for (const name of graph.inputs) {
    const {elementType, shape} = graph.tensors.get(name) ?? {};
    if (elementType === undefined || shape === undefined) return null;
    specs.push({name, elementType, shape});
  }
  return specs;
}

/** `image=1,3,32,32` as shapes per input. @throws ExpectedError `wrong-usage` */
export function shapesFromFlags(flags: readonly string[]): Record<string, number[]> {
  return Object.fromEntries(
    flags.map(flag => {
      const at = flag.lastIndexOf('=');
      const sizes = flag
        .slice(at + 1)
        .split(/[,x]/)
        .map(Number);
      if (at < 1 || sizes.some(size => !Number.isInteger(size) || size < 1)) {
        throw new ExpectedError(
          'wrong-usage',
          `--shape ${flag} is not of the form NAME=1,3,224,224.`,
          EXIT.usage,
        );
      }
      return [flag.slice(0, at), sizes] as const;
    }),
  );
}
