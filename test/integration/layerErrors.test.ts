import {tmpdir} from 'node:os';
import {expect, it} from 'vitest';
import {accumulatedErrors, tensorsOfChangedSize} from '../../src/quantize/accuracy/layerErrors.ts';
import {dependencyGroups} from '../../src/quantize/pruning/dependencyGroups.ts';
import {removeChannels} from '../../src/quantize/pruning/removeChannels.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {NetworkBuilder} from '../unit/quantize/pruning/networks.ts';

/** Gemm of [1, inputs] with every weight 1 / inputs. */
function mean(net: NetworkBuilder, x: string, outputs: number, name: string): string {
  const [, inputs = 1] = net.shapes.get(x)!;
  const weight = net.floats([inputs, outputs], new Float32Array(inputs * outputs).fill(1 / inputs));
  return net.layer('Gemm', [x, weight], [1, outputs], {}, name);
}

it('tensors that have lost channels are named, and the others compared', async () => {
  const net = new NetworkBuilder();
  const whole = net.graph([mean(net, mean(net, net.input('x', [1, 2]), 4, 'hidden'), 3, 'answer')]);
  const {coupling, groups} = dependencyGroups(whole);
  const pruned = removeChannels(whole, coupling, new Set(groups[0]?.channels.slice(0, 1)));
  const sample = () => new Uint8Array(Float32Array.of(1, 3).buffer);
  const runner = startSampleRunner(
    {
      requestCount: 1,
      readRequest: async () => ({x: {elementType: 'float32', shape: [1, 2], bytes: sample()}}),
    },
    {temporaryFolder: tmpdir()},
  );
  const request = {float: whole, quantized: pruned, runner, mode: 'exact', sampleCount: 1} as const;
  expect([...(await tensorsOfChangedSize(request))]).toEqual(['hidden_out']);
  // Three of four equal terms are left, so a quarter of the signal is noise.
  expect(await accumulatedErrors(request)).toEqual([
    {tensor: 'answer_out', sqnrDb: expect.closeTo(20 * Math.log10(4), 3) as number},
  ]);
});
