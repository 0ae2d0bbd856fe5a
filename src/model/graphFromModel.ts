import {elementTypeFromOnnxCode} from '../documents/elementTypes.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {Graph, GraphTensor, Layer} from './graph.ts';
import type {OnnxModel, OnnxNode, OnnxValueInfo} from './onnx/messages.ts';
import {outerNamesOf} from './subgraphs.ts';

type TensorType = Pick<GraphTensor, 'isTensor' | 'elementType' | 'shape' | 'dims'>;

/** Neither models nor graphs are ever changed, and most steps leave a model as it is. */
const known = new WeakMap<OnnxModel, Graph>();

/**
 * The layers and tensors of a model; for one model always the same object.
 * @throws ExpectedError `model-has-cycle`, `tensor-produced-twice`, `tensor-missing`
 */
export function graphFromModel(model: OnnxModel): Graph {
  const graph = known.get(model) ?? readGraph(model);
  known.set(model, graph);
  return graph;
}

function readGraph(model: OnnxModel): Graph {
  const {graph} = model;
  refuseRepeats(
    [...graph.initializers.map(({name}) => name), ...graph.sparseInitializers.map(({values}) => values.name)],
    'weights',
  );
  refuseRepeats(
    graph.inputs.map(({name}) => name),
    'inputs',
  );
  const weights = new Map<string, TensorType & {isSparse: boolean}>();
  for (const {name, dims, elementTypeCode} of graph.initializers) {
    weights.set(name, {...tensorType(elementTypeCode, dims), isSparse: false});
  }
  for (const {values, dims} of graph.sparseInitializers) {
    weights.set(values.name, {...tensorType(values.elementTypeCode, dims), isSparse: true});
  }
  const inputs = graph.inputs.map(({name}) => name).filter(name => !weights.has(name));
  const outputs = graph.outputs.map(({name}) => name);
  const layers = orderLayers(graph.nodes, new Set([...weights.keys(), ...inputs]));

  const producers = new Map(layers.flatMap(layer => layer.outputs.map(name => [name, layer.index] as const)));
  const consumers = new Map<string, number[]>();
  for (const layer of layers) {
    for (const name of new Set([...layer.inputs, ...layer.outerInputs])) {
      const indices = consumers.get(name);
      if (indices === undefined) consumers.set(name, [layer.index]);
      else indices.push(layer.index);
    }
  }
  const declared = declaredTypes([...graph.valueInfos, ...graph.outputs, ...graph.inputs]);
  const isOutput = new Set(outputs);
  const isInput = new Set(inputs);
  const tensors = new Map<string, GraphTensor>();
  for (const name of [...inputs, ...weights.keys(), ...layers.flatMap(layer => layer.outputs)]) {
    const weight = weights.get(name);
    tensors.set(name, {
      name,
      producer: producers.get(name) ?? null,
      consumers: consumers.get(name) ?? [],
      isInput: isInput.has(name),
      isOutput: isOutput.has(name),
      isWeight: weight !== undefined,
      isSparse: false,
      ...(weight ?? declared.get(name) ?? {isTensor: true}),
    });
  }
  for (const name of outputs) {
    if (!tensors.has(name)) throw missing(name, 'is an output of the model');
  }
  return {model, layers, tensors, inputs, outputs};
}

/** Kahn's algorithm, always taking the first ready node of the file: an ordered file keeps its order. */
function orderLayers(nodes: readonly OnnxNode[], given: ReadonlySet<string>): Layer[] {
  const outerInputs = nodes.map(outerNamesOf);
  const reads = nodes.map((node, index) => new Set([...present(node.inputs), ...(outerInputs[index] ?? [])]));
  const producers = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const name of present(node.outputs)) {
      const other = producers.get(name);
      if (other !== undefined || given.has(name)) {
        const first = other === undefined ? 'an input or weight of the model' : describe(nodes[other], other);
        throw new ExpectedError(
          'tensor-produced-twice',
          `Tensor "${name}" is produced by ${describe(node, index)}, but it is ${other === undefined ? first : `already produced by ${first}`}.`,
          EXIT.invalidDocument,
        );
      }
      producers.set(name, index);
    }
  });
  const waitsFor = nodes.map(() => 0);
  const wakes = nodes.map((): number[] => []);
  reads.forEach((names, index) => {
    const before = new Set<number>();
    for (const name of names) {
      const producer = producers.get(name);
      if (producer !== undefined) before.add(producer);
      else if (!given.has(name)) throw missing(name, `is read by ${describe(nodes[index], index)}`);
    }
    waitsFor[index] = before.size;
    for (const producer of before) wakes[producer]?.push(index);
  });

  const layers: Layer[] = [];
  const ready = new IndexHeap(waitsFor.flatMap((count, index) => (count === 0 ? [index] : [])));
  for (let index = ready.take(); index !== undefined; index = ready.take()) {
    const node = nodes[index];
    if (node === undefined) break;
    const inputs = present(node.inputs);
    layers.push({
      index: layers.length,
      name: node.name,
      operator: node.operator,
      domain: node.domain === 'ai.onnx' ? '' : node.domain,
      inputs,
      outputs: present(node.outputs),
      outerInputs: (outerInputs[index] ?? []).filter(name => !inputs.includes(name)),
      node,
    });
    for (const woken of wakes[index] ?? []) {
      const count = (waitsFor[woken] ?? 0) - 1;
      waitsFor[woken] = count;
      if (count === 0) ready.add(woken);
    }
  }
  if (layers.length < nodes.length) {
    const stuck = waitsFor.findIndex(count => count > 0);
    throw new ExpectedError(
      'model-has-cycle',
      `The model is no acyclic graph: ${describe(nodes[stuck], stuck)} needs its own result.`,
      EXIT.invalidDocument,
    );
  }
  return layers;
}

/** A binary heap of indices, smallest first. */
class IndexHeap {
  readonly #heap: number[];

  constructor(ascending: number[]) {
    this.#heap = ascending;
  }

  add(index: number): void {
    const heap = this.#heap;
    let at = heap.push(index) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] ?? 0) <= index) break;
      heap[at] = heap[parent] ?? 0;
      at = parent;
    }
    heap[at] = index;
  }

  take(): number | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if ((heap[child + 1] ?? Infinity) < (heap[child] ?? Infinity)) child += 1;
      if ((heap[child] ?? Infinity) >= last) break;
      heap[at] = heap[child] ?? 0;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

/** Earlier value infos give way to later ones only where these say more. */
function declaredTypes(infos: readonly OnnxValueInfo[]): Map<string, TensorType> {
  const types = new Map<string, TensorType>();
  for (const info of infos) {
    const type = typeOfValueInfo(info);
    const before = types.get(info.name);
    if (before?.shape === undefined || type.shape !== undefined) types.set(info.name, type);
  }
  return types;
}

export function typeOfValueInfo({type}: OnnxValueInfo): TensorType {
  if (type?.tensor === undefined) return {isTensor: type === undefined || !namesOtherKind(type)};
  return tensorType(
    type.tensor.elementTypeCode,
    type.tensor.shape?.dims.map(dim => dim.size ?? dim.symbol ?? null),
  );
}

function namesOtherKind(type: NonNullable<OnnxValueInfo['type']>): boolean {
  return (type.sequence ?? type.map ?? type.optional ?? type.sparseTensor) !== undefined;
}

function tensorType(
  elementTypeCode: number,
  dims: readonly (number | string | null)[] | undefined,
): TensorType {
  const elementType = elementTypeFromOnnxCode(elementTypeCode);
  // A negative size is how some exporters write "unknown".
  const known = dims?.map(dim => (typeof dim === 'number' && dim < 0 ? null : dim));
  const isFixed = known?.every(dim => typeof dim === 'number');
  return {
    isTensor: true,
    ...(elementType && {elementType}),
    ...(known && {dims: known}),
    ...(isFixed && {shape: known}),
  };
}

function present(names: readonly string[]): string[] {
  return names.filter(name => name !== '');
}

function describe(node: OnnxNode | undefined, index: number): string {
  const name = node?.name === undefined || node.name === '' ? `number ${index}` : `"${node.name}"`;
  return `layer ${name} (${node?.operator ?? '?'})`;
}

function refuseRepeats(names: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new ExpectedError(
        'tensor-produced-twice',
        `Tensor "${name}" is listed twice among the ${what} of the model.`,
        EXIT.invalidDocument,
      );
    }
    seen.add(name);
  }
}

function missing(name: string, where: string): ExpectedError {
  return new ExpectedError(
    'tensor-missing',
    `Tensor "${name}" ${where}, but no layer, input or weight of the model provides it.`,
    EXIT.invalidDocument,
  );
}
