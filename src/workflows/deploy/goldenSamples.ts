import {randomFeeds} from '../../engine/randomFeeds.ts';
import {openSession} from '../../engine/session.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import type {GoldenSample} from './checkHealth.ts';

const SEEDS = [1, 2];
/** Another processor may sum in another order, and a rounded value may fall on the other side. */
const FLOAT_TOLERANCE = 0.01;
const QUANTIZED_TOLERANCE = 0.1;
const QUANTIZED_OPERATORS = /Quantize|Integer|MatMulNBits/;

/** Seeded inputs and what the unsplit build answers here: what every device must answer too, within `tolerance`. */
export async function goldenSamples(
  project: OpenProject,
  prepared: PreparedModel,
): Promise<{readonly samples: GoldenSample[]; readonly tolerance: number}> {
  const session = await openSession(
    {path: project.store.pathOf(prepared.digest)},
    {optimization: 'disabled', threads: 1},
  );
  try {
    const samples = [];
    for (const seed of SEEDS) {
      const inputs = randomFeeds(prepared.inputs, seed);
      samples.push({inputs, outputs: (await session.run(inputs)).outputs});
    }
    const isQuantized = prepared.graph.layers.some(({operator}) => QUANTIZED_OPERATORS.test(operator));
    return {samples, tolerance: isQuantized ? QUANTIZED_TOLERANCE : FLOAT_TOLERANCE};
  } finally {
    await session.close();
  }
}
