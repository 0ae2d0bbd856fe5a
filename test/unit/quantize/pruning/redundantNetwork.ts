import type {Graph} from '../../../../src/model/graph.ts';
import {int, ints, NetworkBuilder, startNumbers} from './networks.ts';

/** Of the picture that goes in. */
export const SIDE = 8;

/**
 * A residual network with a depthwise layer, a Concat and a dense end, whose channels repeat each other to a degree. The
 * dense layer does not weigh the `unread` ones of its 16 inputs.
 */
export function redundantNetwork(seed: number, unread: readonly number[] = []): Graph {
  const next = startNumbers(seed);
  const net = new NetworkBuilder();
  const redundant = (outputs: number, inputs: number, taps: number): number[] => {
    const size = inputs * taps;
    const basis = Array.from({length: 4}, () => Array.from({length: size}, () => next() / Math.sqrt(size)));
    return Array.from({length: outputs}, () => basis.map(() => next())).flatMap(mix =>
      Array.from({length: size}, (_, at) =>
        mix.reduce((sum, part, of) => sum + part * basis[of]![at]!, 0.02 * next()),
      ),
    );
  };
  const conv = (x: string, outputs: number, kernel: number, groups = 1): string => {
    const [, inputs = 0] = net.shapes.get(x)!;
    const weight = net.floats(
      [outputs, inputs / groups, kernel, kernel],
      redundant(outputs, inputs / groups, kernel * kernel),
    );
    const bias = net.floats(
      [outputs],
      Array.from({length: outputs}, () => next() / 4),
    );
    const pad = (kernel - 1) / 2;
    return net.layer('Conv', [x, weight, bias], [1, outputs, SIDE, SIDE], {
      kernel_shape: ints(kernel, kernel),
      pads: ints(pad, pad, pad, pad),
      group: int(groups),
    });
  };
  const relu = (x: string): string => net.layer('Relu', [x], net.shapes.get(x)!);
  const stem = relu(conv(net.input('picture', [1, 3, SIDE, SIDE]), 16, 3));
  const branch = conv(relu(conv(stem, 16, 3)), 16, 3);
  const sum = relu(net.layer('Add', [branch, stem], [1, 16, SIDE, SIDE]));
  const filtered = relu(conv(sum, 16, 3, 16));
  const joined = net.layer('Concat', [conv(filtered, 8, 1), conv(sum, 8, 1)], [1, 16, SIDE, SIDE], {
    axis: int(1),
  });
  const mean = net.layer('GlobalAveragePool', [relu(joined)], [1, 16, 1, 1]);
  const flat = net.layer('Flatten', [mean], [1, 16], {axis: int(1)});
  const weights = redundant(4, 16, 1).map((weight, at) => (unread.includes(at % 16) ? 0 : weight));
  const dense = net.floats([4, 16], weights);
  return net.graph([net.layer('Gemm', [flat, dense], [1, 4], {transB: int(1)})]);
}
