import fc from 'fast-check';
import {expect, test} from 'vitest';
import {SearchNodes} from '../../../../src/placement/tiers/searchNode.ts';

test('parts come back by their bound, of equal ones the latest first', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({min: 0, max: 5})), bounds => {
      const nodes = new SearchNodes();
      bounds.forEach((boundNs, index) => {
        nodes.add({boundNs, tierMasks: Int32Array.of(index), openMask: 0, closedMask: 0, relaxation: null});
      });
      const taken: number[] = [];
      for (let node = nodes.take(); node !== undefined; node = nodes.take()) taken.push(node.tierMasks[0]!);
      const expected = [...bounds.keys()].sort((a, b) => bounds[a]! - bounds[b]! || b - a);
      expect(taken).toEqual(expected);
    }),
  );
});
