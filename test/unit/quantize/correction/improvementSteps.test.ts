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
import {startSampleRunner} from '../../../../src/workflows/sampleRuns/startSampleRunner.ts';
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

/** A cheap convolution, and a block with a skip around it; `channels` is how much its two convolutions compute. */
function skipFromFirst(channels: number): Graph {
  const net = new NetworkBuilder();
  const conv = (x: string, from: number, to: number, kernel: number, name: string): string => {
    const weight = net.floats(
      [to, from, kernel, kernel],
      normalNumbers(to * from * kernel * kernel, to + kernel),
    );
    const pads = (kernel - 1) / 2;
    return net.layer('Conv', [x, weight], [1, to, 8, 8], {pads: ints(pads, pads, pads, pads)}, name);
  };
  const skip = net.layer('Relu', [conv(net.input('x', IMAGE), 1, 8, 1, 'first')], [1, 8, 8, 8]);
  const inner = net.layer('Relu', [conv(skip, 8, channels, 3, 'a')], [1, channels, 8, 8]);
  const sum = net.layer('Add', [conv(inner, channels, 8, 3, 'b'), skip], [1, 8, 8, 8], {}, 'sum');
  return net.graph([conv(net.layer('Relu', [sum], [1, 8, 8, 8]), 8, 8, 3, 'last')]);
}

/** Which layers each of the step's candidates leaves in float. */
async function layersLeftInFloat(scheme: QuantizationScheme, graph = cheapEnds()): Promise<string[][]> {
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
  const context: LearningContext = {
    scheme,
    runner,
    mode: 'exact',
    ...parts,
    heldOutTo: 0,
    weighted: [],
    onLayer: () => {},
    onRange: () => {},
  };
  const start = await startQuantization(graph, new Map(), context);
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

  it.each([
    [512, ['first', 'sum'], 'where it is a small share of the model'],
    [16, ['first'], 'not where it is a large one'],
  ])(
    '%i channels: the sum that a skip from the first layer ends in goes with it %s',
    async (channels, left) => {
      const [candidate] = X86_VNNI.recipe.candidates;
      expect(await layersLeftInFloat(candidate!.scheme!, skipFromFirst(channels))).toContainEqual(left);
    },
  );

  it.each(
    [QNN, STM32MP2].flatMap(({name: target, recipe}) =>
      recipe.candidates.flatMap(({name, scheme}) => (scheme === null ? [] : [{target, name, scheme}])),
    ),
  )('stay on integers for $target, where float leaves the accelerator: $name', async ({scheme}) => {
    expect(await layersLeftInFloat(scheme)).toEqual([]);
  });
});
