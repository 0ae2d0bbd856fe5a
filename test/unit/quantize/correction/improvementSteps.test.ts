import {tmpdir} from 'node:os';
import {describe, expect, it} from 'vitest';
import type {QuantizationScheme} from '../../../../src/documents/quantizationScheme.ts';
import type {Graph} from '../../../../src/model/graph.ts';
import {
  IMPROVEMENT_STEPS,
  startQuantization,
  type LearningContext,
} from '../../../../src/quantize/correction/improvementSteps.ts';
import {QNN} from '../../../../src/targets/qnn.ts';
import {STM32MP2} from '../../../../src/targets/stm32mp2.ts';
import {X86_VNNI} from '../../../../src/targets/x86Vnni.ts';
import {startSampleRunner} from '../../../../src/workflows/startSampleRunner.ts';
import {ints, NetworkBuilder} from '../pruning/networks.ts';
import {normalNumbers} from '../normalNumbers.ts';

const IMAGE = [1, 1, 8, 8];

/** The middle layer has 98 % of the multiply-adds, so that both ends are cheap. */
function cheapEnds(): Graph {
  const net = new NetworkBuilder();
  const conv = (x: string, from: number, to: number, side: number, name: string): string => {
    const weight = net.floats([to, from, side, side], normalNumbers(to * from * side * side, from + to));
    const pads = (side - 1) / 2;
    return net.layer('Conv', [x, weight], [1, to, 8, 8], {pads: ints(pads, pads, pads, pads)}, name);
  };
  const first = conv(net.input('x', IMAGE), 1, 16, 1, 'first');
  return net.graph([conv(conv(first, 16, 16, 3, 'middle'), 16, 1, 1, 'last')]);
}

/** Which layers each of the step's candidates leaves in float. */
async function layersLeftInFloat(scheme: QuantizationScheme): Promise<string[][]> {
  const runner = startSampleRunner(
    {
      requestCount: 2,
      readRequest: index => {
        const bytes = new Uint8Array(normalNumbers(64, index + 1).buffer);
        return Promise.resolve({x: {elementType: 'float32', shape: IMAGE, bytes}});
      },
    },
    {temporaryFolder: tmpdir(), threads: 1},
  );
  const parts = {from: 0, to: 2, extremesTo: 2};
  const context: LearningContext = {scheme, runner, mode: 'exact', ...parts, onLayer: () => {}};
  const start = await startQuantization(cheapEnds(), new Map(), context);
  const left: string[][] = [];
  const step = IMPROVEMENT_STEPS.find(({name}) => name === 'float-ends')!;
  for await (const {keepFloat} of step.candidates(start, context)) left.push([...keepFloat.keys()]);
  return left;
}

describe('cheap first and last layers', () => {
  it('are tried in float on processors that compute both', async () => {
    const [candidate] = X86_VNNI.recipe.candidates;
    expect(await layersLeftInFloat(candidate!.scheme!)).toEqual([['first', 'last'], ['first'], ['last']]);
  });

  it.each(
    [QNN, STM32MP2].flatMap(({name: target, recipe}) =>
      recipe.candidates.flatMap(({name, scheme}) => (scheme === null ? [] : [{target, name, scheme}])),
    ),
  )('stay on integers for $target, where float leaves the accelerator: $name', async ({scheme}) => {
    expect(await layersLeftInFloat(scheme)).toEqual([]);
  });
});
