import {dropUnused} from '../../model/dropUnused.ts';
import type {Graph} from '../../model/graph.ts';
import type {OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor} from '../../model/onnx/messages.ts';
import {mapSame} from '../../model/onnx/rewriteTensors.ts';
import {outerNamesOf} from '../../model/subgraphs.ts';
import type {TakeName} from '../../model/freshNames.ts';
import type {KeptLayer, KeptReason} from './loweredModel.ts';
import {newNames} from './newNames.ts';

/** A node where it stands: in the model's graph or in a body below it. */
export interface Site {
  readonly node: OnnxNode;
  /** As reports name it. */
  readonly layer: string;
  /** The dense weight of that name, of this graph or one around it; `undefined` also where a caller may override it. */
  readonly weight: (name: string) => OnnxTensor | undefined;
  /**
   * The name of a weight made of another: it is put beside that one, and made once for each `kind`, however many layers,
   * branches and bodies ask for it.
   */
  readonly derive: (weight: OnnxTensor, kind: string, make: (name: string) => OnnxTensor) => string;
  /** A tensor that nodes of this graph compute once for all that ask: `make` gets its names. */
  readonly compute: (key: string, make: () => Computed) => readonly string[];
  /** A name that nothing in the model has. */
  readonly freshName: (base: string) => string;
}

export interface Computed {
  readonly names: readonly string[];
  /** Put before the node that asked first. */
  readonly nodes: readonly OnnxNode[];
}

export type Rewriting =
  | {readonly nodes: readonly OnnxNode[]}
  | {readonly kept: KeptReason}
  /** Nothing that this precision is about. */
  | null;

export interface RewrittenLayers {
  readonly model: OnnxModel;
  readonly floatLayers: readonly KeptLayer[];
  /** In graph order. */
  readonly rewritten: readonly string[];
}

/** Nodes of the graph and of all bodies replaced by `visit`; weights that nothing reads any more are dropped. */
export function rewriteLayers({model, layers}: Graph, visit: (site: Site) => Rewriting): RewrittenLayers {
  const takeName = newNames(model);
  const floatLayers: KeptLayer[] = [];
  const rewritten: string[] = [];
  const record = (layer: string, rewriting: Rewriting): void => {
    if (rewriting === null) return;
    if ('kept' in rewriting) floatLayers.push({layer, reason: rewriting.kept});
    else rewritten.push(layer);
  };
  // In topological order: what is computed for several nodes has to stand before the first of them.
  const ordered = {...model.graph, nodes: layers.map(({node}) => node)};
  const graph = rewriteGraph(ordered, '', null, {takeName, visit, record});
  return {model: rewritten.length === 0 ? model : dropUnused({...model, graph}), floatLayers, rewritten};
}

interface Task {
  readonly takeName: TakeName;
  readonly visit: (site: Site) => Rewriting;
  readonly record: (layer: string, rewriting: Rewriting) => void;
}

interface Scope {
  readonly outer: Scope | null;
  readonly weights: ReadonlyMap<string, OnnxTensor>;
  /** Inputs and results: they hide weights of the same name outside. */
  readonly others: ReadonlySet<string>;
  readonly derived: Map<string, OnnxTensor>;
}

function rewriteGraph(graph: OnnxGraph, prefix: string, outer: Scope | null, task: Task): OnnxGraph {
  const scope: Scope = {
    outer,
    weights: new Map(graph.initializers.map(tensor => [tensor.name, tensor])),
    others: new Set([...graph.inputs.map(({name}) => name), ...graph.nodes.flatMap(({outputs}) => outputs)]),
    derived: new Map(),
  };
  const computed = new Map<string, readonly string[]>();
  const nodes: OnnxNode[] = [];
  graph.nodes.forEach((original, index) => {
    const layer = `${prefix}${original.name || `${original.operator}_${index}`}`;
    const node = rewriteBodies(original, `${layer}/`, scope, task);
    const rewriting = task.visit({
      node,
      layer,
      weight: name => findWeight(scope, name)?.weight,
      derive: (weight, kind, make) => deriveWeight(scope, weight, kind, make, task.takeName),
      compute(key, make) {
        const known = computed.get(key);
        if (known !== undefined) return known;
        const made = make();
        nodes.push(...made.nodes);
        computed.set(key, made.names);
        return made.names;
      },
      freshName: base => task.takeName(base),
    });
    task.record(layer, rewriting);
    nodes.push(...(rewriting !== null && 'nodes' in rewriting ? rewriting.nodes : [node]));
  });
  const initializers = [...graph.initializers, ...scope.derived.values()];
  if (outer === null) return {...graph, nodes, initializers};
  const read = new Set([
    ...graph.outputs.map(({name}) => name),
    ...nodes.flatMap(node => [...node.inputs, ...outerNamesOf(node)]),
  ]);
  return {...graph, nodes, initializers: initializers.filter(({name}) => read.has(name))};
}

function rewriteBodies(node: OnnxNode, prefix: string, scope: Scope, task: Task): OnnxNode {
  const attributes = mapSame(node.attributes, (attribute: OnnxAttribute): OnnxAttribute => {
    if (attribute.graph === undefined) return attribute;
    return {...attribute, graph: rewriteGraph(attribute.graph, prefix, scope, task)};
  });
  return attributes === node.attributes ? node : {...node, attributes};
}

function findWeight(scope: Scope | null, name: string): {weight: OnnxTensor; home: Scope} | undefined {
  if (scope === null || scope.others.has(name)) return undefined;
  const weight = scope.weights.get(name);
  return weight === undefined ? findWeight(scope.outer, name) : {weight, home: scope};
}

function deriveWeight(
  scope: Scope,
  weight: OnnxTensor,
  kind: string,
  make: (name: string) => OnnxTensor,
  takeName: TakeName,
): string {
  const home = findWeight(scope, weight.name)?.home ?? scope;
  const key = JSON.stringify([weight.name, kind]);
  let tensor = home.derived.get(key);
  if (tensor === undefined) {
    tensor = make(takeName(`${weight.name}/${kind}`));
    home.derived.set(key, tensor);
  }
  return tensor.name;
}
