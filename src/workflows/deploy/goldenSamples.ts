import type {Plan} from '../../documents/plan.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {tierBuildsOf} from '../../documents/tierBuilds.ts';
import {randomFeeds} from '../../engine/randomFeeds.ts';
import {openSession} from '../../engine/session.ts';
import type {OpenProject} from '../openProject.ts';
import {openComposed} from '../precision/openComposed.ts';
import type {PreparedModel} from '../prepareModel.ts';
import type {GoldenSample} from './checkHealth.ts';

const SEEDS = [1, 2];
/** Another processor may sum in another order, and a rounded value may fall on the other side. */
const FLOAT_TOLERANCE = 0.01;
const QUANTIZED_TOLERANCE = 0.1;
const QUANTIZED_OPERATORS = /Quantize|Integer|MatMulNBits/;

/**
 * Seeded inputs and what every device must answer to them, within `tolerance`: what the unsplit build does here, or, where
 * the plan has tensors cross rounded or a tier's layers of another build, what its segments do.
 */
export async function goldenSamples(
  project: OpenProject,
  prepared: PreparedModel,
  plan: Pick<Plan, 'cut' | 'layers' | 'precision'>,
): Promise<{readonly samples: GoldenSample[]; readonly tolerance: number}> {
  const hasInteger = hasBuilds(plan) || plan.cut.some(({precision}) => precision === 'int8');
  const isQuantized = prepared.graph.layers.some(({operator}) => QUANTIZED_OPERATORS.test(operator));
  return project.withTemporaryFolder(async folder => {
    const opened = await openWhole(project, prepared, plan, folder);
    try {
      const samples: GoldenSample[] = [];
      for (const seed of SEEDS) {
        const inputs = randomFeeds(prepared.inputs, seed);
        samples.push({inputs, outputs: await opened.run(inputs)});
      }
      return {samples, tolerance: isQuantized || hasInteger ? QUANTIZED_TOLERANCE : FLOAT_TOLERANCE};
    } finally {
      await opened.close();
    }
  });
}

function hasBuilds({precision}: Pick<Plan, 'precision'>): boolean {
  return Object.keys(tierBuildsOf(precision)).length > 0;
}

async function openWhole(
  project: OpenProject,
  prepared: PreparedModel,
  plan: Pick<Plan, 'cut' | 'layers' | 'precision'>,
  folder: string,
): Promise<{run(inputs: NamedTensors): Promise<NamedTensors>; close(): Promise<void>}> {
  if (hasBuilds(plan) || plan.cut.some(({precision}) => precision !== undefined))
    return openComposed(project, prepared, {...plan, builds: tierBuildsOf(plan.precision)}, folder, 1);
  const path = project.store.pathOf(prepared.digest);
  const session = await openSession({path}, {optimization: 'disabled', threads: 1});
  return {run: async inputs => (await session.run(inputs)).outputs, close: () => session.close()};
}
