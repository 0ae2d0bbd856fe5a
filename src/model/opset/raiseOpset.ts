import {EXIT, ExpectedError} from '../../errors.ts';
import {freshTensorNames} from '../freshNames.ts';
import {mapSame} from '../onnx/rewriteTensors.ts';
import type {OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode} from '../onnx/messages.ts';
import {CannotConvert, type Scope} from './conversion.ts';
import {CONVERSIONS} from './conversions.ts';
import {NEWEST_OPSET, OPERATOR_CHANGES} from './operatorChanges.ts';
import {contentsOfFunction, openScope, type KnownType} from './scope.ts';

export interface RaisedModel {
  readonly model: OnnxModel;
  /** In the order of the file; a layer whose body was converted is named with what is inside. */
  readonly conversions: readonly {readonly layer: string; readonly what: string}[];
}

/** The first version of the standard operators in which a tensor can have a scale per channel. */
export const OLDEST_TARGET = 13;

/** What ONNX Runtime guarantees to run; older operators broadcast by attributes, and none of their changes is judged here. */
const OLDEST_SOURCE = 7;

interface Task {
  readonly from: number;
  readonly to: number;
  /** Of the outer graph, or the function: what messages name. */
  readonly layer: string;
  readonly note: (layer: string, what: string) => void;
  readonly freshName: Scope['freshName'];
  readonly measured: ReadonlyMap<string, KnownType>;
}

/**
 * The model with its standard operators of version `atLeast` (13 to 21) or later, bodies and functions included; every node
 * whose meaning changed on the way is rewritten. The same model when it is that new. Overridable initialisers must have
 * been stripped before.
 * @param measured types and shapes of tensors of the outer graph, where the model does not declare them
 * @throws ExpectedError `opset-unsupported` (exit 13) for a node that cannot be rewritten, or is not known
 */
export function raiseOpset(
  model: OnnxModel,
  atLeast: number,
  measured: ReadonlyMap<string, KnownType> = new Map(),
): RaisedModel {
  if (!(atLeast >= OLDEST_TARGET && atLeast <= NEWEST_OPSET)) {
    throw new RangeError(`opset ${atLeast} is not one of ${OLDEST_TARGET} to ${NEWEST_OPSET}`);
  }
  const conversions: {layer: string; what: string}[] = [];
  const note = (layer: string, what: string): void => void conversions.push({layer, what});
  const common = {to: atLeast, note, freshName: freshTensorNames(model), measured};

  const from = standardOpset(model);
  const isOld = from !== undefined && from < atLeast;
  const graph = isOld ? raiseGraph(model.graph, null, {...common, from, layer: ''}) : model.graph;
  const functions = mapSame(model.functions, fn => {
    const version = standardOpset(fn);
    if (version === undefined || version >= atLeast) return fn;
    return raiseFunction(fn, {...common, from: version, layer: fn.name, measured: new Map()});
  });
  if (!isOld && functions === model.functions) return {model, conversions};
  const raised = {...model, graph, functions};
  return {model: isOld ? withOpset(raised, atLeast) : raised, conversions};
}

/** The version of the standard operators that a model or function is written in; `undefined` when it imports none. */
export function standardOpset({opsetImports}: Pick<OnnxModel, 'opsetImports'>): number | undefined {
  return opsetImports.find(({domain}) => isStandard(domain))?.version;
}

function withOpset<T extends Pick<OnnxModel, 'opsetImports'>>(holder: T, version: number): T {
  const opsetImports = holder.opsetImports.map(one => (isStandard(one.domain) ? {...one, version} : one));
  return {...holder, opsetImports};
}

function raiseFunction(fn: OnnxFunction, task: Task): OnnxFunction {
  const scope = openScope(contentsOfFunction(fn), null, task.measured, task.freshName);
  const nodes = fn.nodes.flatMap(node => raiseNode(node, scope, task));
  return withOpset({...fn, nodes}, task.to);
}

function raiseGraph(graph: OnnxGraph, outer: Scope | null, task: Task): OnnxGraph {
  const scope = openScope(graph, outer, outer === null ? task.measured : new Map(), task.freshName);
  const nodes = graph.nodes.flatMap((node, index) => {
    const layer = outer === null ? node.name || `number ${index}` : task.layer;
    return raiseNode(node, scope, {...task, layer});
  });
  const isSame = nodes.length === graph.nodes.length && nodes.every((node, at) => node === graph.nodes[at]);
  return isSame ? graph : {...graph, nodes};
}

/** The node, and what it takes to mean the same, in order. */
function raiseNode(node: OnnxNode, scope: Scope, task: Task): OnnxNode[] {
  const attributes = mapSame(node.attributes, attribute => raiseBodies(attribute, scope, task));
  let current = attributes === node.attributes ? node : {...node, attributes};
  if (!isStandard(node.domain)) return [current];
  const before: OnnxNode[] = [];
  const after: OnnxNode[] = [];
  let version = task.from;
  for (;;) {
    const next = nextChange(current, version, task);
    if (next === undefined) return [...before, current, ...after];
    const convert = CONVERSIONS[current.operator]?.[next];
    version = next;
    if (convert === undefined) {
      const isAdditive = OPERATOR_CHANGES[current.operator]?.additive.includes(next) === true;
      if (isAdditive && next > OLDEST_SOURCE) continue;
      throw refusal(node, task, `its meaning changed in opset ${next}`);
    }
    try {
      const converted = convert(current, scope);
      current = converted.node;
      before.push(...(converted.before ?? []));
      after.unshift(...(converted.after ?? []));
      version = converted.version ?? next;
      if (converted.what !== null) task.note(task.layer, `${node.operator}: ${converted.what}`);
    } catch (error) {
      if (!(error instanceof CannotConvert)) throw error;
      throw refusal(node, task, error.message);
    }
  }
}

/** The next version up to the wanted one in which the node's operator changed. @throws ExpectedError for unknown operators */
function nextChange(node: OnnxNode, version: number, task: Task): number | undefined {
  const changes = OPERATOR_CHANGES[node.operator];
  if (changes === undefined) throw refusal(node, task, 'ONNX has no such operator');
  if (changes.since > version) {
    // ONNX Runtime had it, with the same meaning, before ONNX did.
    const isKnown = node.operator === 'ThresholdedRelu';
    if (!isKnown) throw refusal(node, task, `ONNX has it only from opset ${changes.since} on`);
  }
  const versions = [
    ...changes.additive,
    ...changes.breaking,
    ...Object.keys(CONVERSIONS[node.operator] ?? {}).map(Number),
  ];
  const later = versions.filter(one => one > version && one <= task.to);
  return later.length === 0 ? undefined : Math.min(...later);
}

function raiseBodies(attribute: OnnxAttribute, scope: Scope, task: Task): OnnxAttribute {
  const graph = attribute.graph && raiseGraph(attribute.graph, scope, task);
  const graphs = mapSame(attribute.graphs, one => raiseGraph(one, scope, task));
  if (graph === attribute.graph && graphs === attribute.graphs) return attribute;
  return {...attribute, ...(graph && {graph}), graphs};
}

function refusal(node: OnnxNode, {layer, from, to}: Task, reason: string): ExpectedError {
  return new ExpectedError(
    'opset-unsupported',
    `Layer ${layer} (${node.operator}) cannot be raised from opset ${from} to ${to}: ${reason}.`,
    EXIT.unsupported,
    {hints: [`Export the model again with opset ${to} or later.`]},
  );
}

function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}
