import fc from 'fast-check';
import {expect, it} from 'vitest';
import {ExpectedError} from '../../src/errors.ts';
import {dropUnused} from '../../src/model/dropUnused.ts';
import {extractSegments} from '../../src/model/extractSegments.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {sourceFromBytes} from '../../src/model/onnx/byteSource.ts';
import {createGraph, createModel, createNode, createValueInfo} from '../../src/model/onnx/createMessages.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import {tensorFromValue} from '../../src/model/onnx/tensorData.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';

const WEIGHTS = ['w0', 'w1'];
const INPUTS = ['in0', 'in1'];

/** Each layer reads one to three of what came before; some tensors are outputs too. */
const anyModel = fc
  .array(fc.tuple(fc.array(fc.nat(), {minLength: 1, maxLength: 3}), fc.boolean(), fc.boolean()), {
    minLength: 1,
    maxLength: 14,
  })
  .map(layers => {
    const known = [...WEIGHTS, ...INPUTS];
    const outputs: string[] = [];
    const nodes = layers.map(([reads, isOutput, hasTwo], index) => {
      const inputs = reads.map(read => known[read % known.length]!);
      const made = hasTwo ? [`t${index}`, `t${index}b`] : [`t${index}`];
      known.push(...made);
      if (isOutput || index === layers.length - 1) outputs.push(made[0]!);
      return createNode(hasTwo ? 'Split' : 'Sum', inputs, made, {name: `layer${index}`});
    });
    const value = {elementType: 'float32', shape: [1], bytes: new Uint8Array(4)} as const;
    return dropUnused(
      createModel(
        createGraph({
          nodes,
          initializers: WEIGHTS.map(name => tensorFromValue(name, value)),
          inputs: INPUTS.map(name => createValueInfo(name, 'float32', [1])),
          outputs: [...outputs, 'in1', 'w1'].map(name => createValueInfo(name, 'float32', [1])),
        }),
      ),
    );
  });

const read = (bytes: Uint8Array): OnnxModel =>
  modelFromSource(sourceFromBytes(bytes), {fileName: 'any.onnx'});

it('along any down-closed set, every layer, weight and output is where it belongs and the parts fit together', () => {
  fc.assert(
    fc.property(anyModel, fc.infiniteStream(fc.boolean()), (model, coins) => {
      const graph = graphFromModel(model);
      const head = new Set<number>();
      for (const layer of graph.layers) {
        const isReady = layer.inputs.every(name => {
          const producer = graph.tensors.get(name)!.producer;
          return producer === null || head.has(producer);
        });
        if (isReady && coins.next().value) head.add(layer.index);
      }
      const segments = extractSegments(graph, head);
      const parts = [segments.head, segments.tail].filter(part => part !== null).map(graphFromModel);
      expect(parts.flatMap(part => part.layers.map(({name}) => name)).sort()).toEqual(
        graph.layers.map(({name}) => name).sort(),
      );
      // graphFromModel has refused any part that misses a tensor; nothing may be there in vain either.
      for (const part of parts) {
        for (const tensor of part.tensors.values()) {
          expect(
            tensor.consumers.length > 0 || tensor.isOutput || tensor.producer !== null,
            tensor.name,
          ).toBe(true);
        }
      }
      const given = new Set([...graph.inputs, ...segments.headOutputs]);
      expect(segments.tailInputs.filter(name => !given.has(name))).toEqual([]);
      expect(segments.headInputs.filter(name => !graph.inputs.includes(name))).toEqual([]);
      const answered = [
        ...segments.headOutputs.filter(name => graph.outputs.includes(name)),
        ...segments.tailOutputs,
        ...segments.inputOutputs,
      ];
      expect(answered.toSorted()).toEqual([...new Set(graph.outputs)].sort());
    }),
    {numRuns: 500},
  );
});

it('a model reads back the same, and what was only read is written byte for byte', () => {
  fc.assert(
    fc.property(anyModel, model => {
      const bytes = bytesFromModel(model);
      const again = read(bytes);
      expect(bytesFromModel(again)).toEqual(bytes);
      expect(bytesFromModel({...again, graph: {...again.graph}})).toEqual(bytes);
      expect(graphFromModel(again).layers.map(({inputs}) => inputs)).toEqual(
        graphFromModel(model).layers.map(({inputs}) => inputs),
      );
    }),
    {numRuns: 200},
  );
});

it('a file with bytes changed or cut off is read or refused, never a crash', () => {
  fc.assert(
    fc.property(
      anyModel,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), {maxLength: 4}),
      fc.nat(),
      (model, changes, cut) => {
        const bytes = bytesFromModel(model);
        for (const [at, value] of changes) bytes[at % bytes.byteLength] = value;
        const kept = bytes.subarray(0, changes.length === 0 ? cut % bytes.byteLength : bytes.byteLength);
        try {
          const damaged = read(kept);
          expect(bytesFromModel(damaged, {kind: 'keep'})).toEqual(new Uint8Array(kept));
          graphFromModel(damaged);
        } catch (error) {
          if (!(error instanceof ExpectedError)) throw error;
        }
      },
    ),
    {numRuns: 2000},
  );
});
