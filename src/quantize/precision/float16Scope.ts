import {onnxCodeFromElementType} from '../../documents/elementTypes.ts';
import {createAttribute, createNode} from '../../model/onnx/createMessages.ts';
import type {OnnxGraph, OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {outerNamesOf} from '../../model/subgraphs.ts';
import type {TakeName} from '../../model/freshNames.ts';
import {float16FromFloat32} from './float16.ts';
import {tensorFromTyped, viewFloats} from './floatWeight.ts';

export type FloatType = 'float16' | 'float32';

/** The names under which a tensor that was float32 can be read. */
type Versions = Partial<Record<FloatType, string>>;

/**
 * A graph or body while it is converted: what each float tensor is called in which precision. Casts and converted
 * weights are made when they are first asked for, and once.
 */
export class Float16Scope {
  /** The converted nodes so far, in topological order. */
  readonly nodes: OnnxNode[] = [];
  readonly #outer: Float16Scope | null;
  readonly #takeName: TakeName;
  readonly #constants: ReadonlyMap<string, OnnxTensor>;
  /** Names of inputs and results: they hide constants around the graph. */
  readonly #own: ReadonlySet<string>;
  readonly #versions = new Map<string, Versions>();
  readonly #halves = new Map<string, OnnxTensor>();

  constructor(graph: OnnxGraph, outer: Float16Scope | null, takeName: TakeName) {
    this.#outer = outer;
    this.#takeName = takeName;
    this.#constants = new Map([
      ...graph.initializers.map(tensor => [tensor.name, tensor] as const),
      ...graph.nodes.flatMap(constantsOfNode),
    ]);
    this.#own = new Set([
      ...graph.inputs.map(({name}) => name),
      ...graph.nodes.flatMap(({outputs}) => outputs),
    ]);
  }

  /** A dense constant that can be read here: an initialiser or the value of a Constant node. */
  constant(name: string): OnnxTensor | undefined {
    return this.#constants.get(name) ?? (this.#own.has(name) ? undefined : this.#outer?.constant(name));
  }

  /** Declares a tensor of this graph as it is now. */
  declare(name: string, type: FloatType, storedName = name): void {
    this.#versions.set(name, {...this.#versions.get(name), [type]: storedName});
  }

  /** Whether the tensor that had this name still has it, as float16. */
  isFloat16(name: string): boolean {
    return this.#versions.get(name)?.float16 === name;
  }

  /** The name to read a tensor by in the wanted precision. */
  nameAs(name: string, type: FloatType, {isClamped = false} = {}): string {
    const constant = this.constant(name);
    if (constant !== undefined) return type === 'float32' ? name : this.#half(constant, isClamped);
    const known = this.#find(name);
    const stored = known?.[type];
    if (stored !== undefined) return stored;
    const other = known?.[type === 'float16' ? 'float32' : 'float16'] ?? name;
    const output = this.#takeName(`${name}/${type}`);
    this.cast(other, output, type);
    this.#versions.set(name, {...known, [type]: output});
    return output;
  }

  cast(input: string, output: string, type: FloatType): void {
    const to = createAttribute('to', {int: BigInt(onnxCodeFromElementType(type))});
    const name = this.#takeName(`${output}/cast`);
    this.nodes.push(createNode('Cast', [input], [output], {name, attributes: [to]}));
  }

  freshName(base: string): string {
    return this.#takeName(base);
  }

  /** The initialisers that the converted nodes read; those of the outer graph all, because bodies may read them. */
  initializers(graph: OnnxGraph): readonly OnnxTensor[] {
    const all = [...graph.initializers, ...this.#halves.values()];
    if (this.#outer === null) return all;
    const read = readNames(graph, this.nodes);
    return all.filter(({name}) => read.has(name));
  }

  #find(name: string): Versions | undefined {
    const own = this.#versions.get(name);
    if (own !== undefined || this.#own.has(name) || this.#outer === null) return own;
    return this.#outer.#find(name);
  }

  /** The float16 copy lies beside the constant, for all that read it. */
  #half(constant: OnnxTensor, isClamped: boolean): string {
    const {name} = constant;
    if (this.#constants.get(name) !== constant && this.#outer !== null) {
      return this.#outer.#half(constant, isClamped);
    }
    const key = `${isClamped}${name}`;
    let half = this.#halves.get(key);
    if (half === undefined) {
      const values = float16FromFloat32(viewFloats(constant), {isClamped});
      half = tensorFromTyped(this.#takeName(`${name}/float16`), 'float16', constant.dims, values);
      this.#halves.set(key, half);
    }
    return half.name;
  }
}

/** What nodes and their bodies, or the callers of the graph, read. */
export function readNames(graph: OnnxGraph, nodes: readonly OnnxNode[]): Set<string> {
  return new Set([
    ...graph.outputs.map(({name}) => name),
    ...nodes.flatMap(node => [...node.inputs, ...outerNamesOf(node)]),
  ]);
}

/** The value of a Constant node as a tensor of its name, where it is float32. */
function constantsOfNode({operator, domain, attributes, outputs}: OnnxNode): [string, OnnxTensor][] {
  const [name = ''] = outputs;
  if (operator !== 'Constant' || (domain !== '' && domain !== 'ai.onnx')) return [];
  const [value] = attributes;
  if (value === undefined) return [];
  if (value.tensor !== undefined) return [[name, {...value.tensor, name}]];
  if (value.name === 'value_float') {
    return [[name, tensorFromTyped(name, 'float32', [], Float32Array.of(value.float ?? 0))]];
  }
  if (value.name !== 'value_floats') return [];
  return [[name, tensorFromTyped(name, 'float32', [value.floats.length], Float32Array.from(value.floats))]];
}
