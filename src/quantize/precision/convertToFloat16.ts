import {onnxCodeFromElementType, type ElementType} from '../../documents/elementTypes.ts';
import {dropUnused} from '../../model/dropUnused.ts';
import type {Graph} from '../../model/graph.ts';
import {createAttribute} from '../../model/onnx/createMessages.ts';
import type {OnnxGraph, OnnxNode, OnnxValueInfo} from '../../model/onnx/messages.ts';
import {mapSame} from '../../model/onnx/rewriteTensors.ts';
import {standardOpset} from '../../model/opset/raiseOpset.ts';
import {bodiesOf, outerNamesOf} from '../../model/subgraphs.ts';
import type {TakeName} from '../../model/freshNames.ts';
import type {TensorRange} from '../quantizationPlan.ts';
import {elementTypesOf, typesOfBodyInputs, type TypeOf} from './elementTypesOf.ts';
import {float32Layers, isClampedConstant, rememberFits, type Float16Rules} from './float16Layers.ts';
import {FLOAT32_OUTPUTS, float32Inputs, MAKES_FLOAT32} from './float16Operators.ts';
import {Float16Scope, readNames, type FloatType} from './float16Scope.ts';
import {newNames} from './newNames.ts';
import type {GraphView} from './graphView.ts';
import type {Decision, KeptLayer, KeptReason, LoweredModel} from './loweredModel.ts';

export interface Float16Options {
  /** Callers go on giving and getting float32, with casts at the borders; else inputs and outputs are float16. */
  readonly keepsInputsAndOutputs?: boolean;
  /** Layers to be left in float32, by name. */
  readonly keepFloat32?: ReadonlyMap<string, KeptReason>;
  /** Of activations on calibration data: layers that leave the range of float16 there stay in float32. */
  readonly ranges?: ReadonlyMap<string, TensorRange>;
  /** Operators that the target has for float32 only. */
  readonly float32Operators?: ReadonlySet<string>;
}

/**
 * Layers and weights in float16, those of bodies too; casts stand where precisions meet. In float32 stay operators that do
 * not take float16, what would leave its range (by the kind of operator, by constants and, where there are ranges, by
 * calibration), sizes and positions, and integer regions. Bodies take and give float32. Keeps inputs and outputs by
 * default.
 */
export function convertToFloat16(graph: Graph, options: Float16Options = {}): LoweredModel {
  const {model} = graph;
  const {keepsInputsAndOutputs = true} = options;
  const task: Task = {
    takeName: newNames(model),
    opset: standardOpset(model) ?? 0,
    rules: {
      keepFloat32: options.keepFloat32 ?? new Map<string, KeptReason>(),
      ranges: options.ranges ?? new Map<string, TensorRange>(),
      float32Operators: options.float32Operators ?? new Set(),
      fitOf: rememberFits(),
    },
    kept: [],
    converted: [],
    clamped: new Set(),
  };
  const known = new Map<string, ElementType>();
  for (const {name, elementType} of graph.tensors.values()) {
    if (elementType !== undefined) known.set(name, elementType);
  }
  const ordered = {...model.graph, nodes: graph.layers.map(({node}) => node)};
  const typeOf = elementTypesOf(ordered, ordered.nodes, known);
  const borders = keepsInputsAndOutputs ? 'float32' : 'float16';
  const converted = convertGraph(ordered, {outer: null, prefix: '', typeOf, borders}, task);
  if (task.converted.length === 0) return {model, decisions: [], floatLayers: task.kept};
  return {
    model: dropUnused({...model, graph: converted}),
    decisions: decisionsOf(task, borders),
    floatLayers: task.kept,
  };
}

interface Task {
  readonly takeName: TakeName;
  readonly opset: number;
  readonly rules: Float16Rules;
  readonly kept: KeptLayer[];
  readonly converted: string[];
  /** Names of constants that were cut off at the ends of float16. */
  readonly clamped: Set<string>;
}

interface Place {
  readonly outer: Float16Scope | null;
  /** Put before the names of layers in reports. */
  readonly prefix: string;
  readonly typeOf: TypeOf;
  /** Of the graph's float inputs and outputs. */
  readonly borders: FloatType;
}

function convertGraph(graph: OnnxGraph, {outer, prefix, typeOf, borders}: Place, task: Task): OnnxGraph {
  const scope = new Float16Scope(graph, outer, task.takeName);
  const view = viewOf(graph, scope, prefix, typeOf, task);
  const kept = float32Layers(view, task.rules);
  const isTensorOutput = new Set(graph.outputs.filter(isTensor).map(({name}) => name));
  for (const info of graph.inputs) {
    if (typeOf(info.name) === 'float32') scope.declare(info.name, isTensor(info) ? borders : 'float32');
  }

  const write = (node: OnnxNode, type: FloatType, isFixed: (place: number) => boolean): void => {
    const casts: (() => void)[] = [];
    const outputs = node.outputs.map((name, place) => {
      if (name === '' || typeOf(name) !== 'float32') return name;
      const made = isFixed(place) ? 'float32' : type;
      if (!isTensorOutput.has(name) || made === borders) {
        scope.declare(name, made);
        return name;
      }
      const stored = scope.freshName(`${name}/${made}`);
      scope.declare(name, made, stored);
      scope.declare(name, borders, name);
      casts.push(() => scope.cast(stored, name, borders));
      return stored;
    });
    scope.nodes.push({...node, outputs});
    for (const cast of casts) cast();
  };
  const reading = (node: OnnxNode, type: FloatType, isFixed: (place: number) => boolean): OnnxNode => ({
    ...node,
    inputs: node.inputs.map((name, place) => {
      if (name === '' || typeOf(name) !== 'float32') return name;
      if (type === 'float32' || isFixed(place)) return scope.nameAs(name, 'float32');
      const isClamped = isClampedConstant(node, view);
      const constant = scope.constant(name);
      if (isClamped && constant !== undefined && task.rules.fitOf(constant).isTooLarge)
        task.clamped.add(name);
      return scope.nameAs(name, 'float16', {isClamped});
    }),
  });
  const always = (): boolean => true;

  for (const node of graph.nodes) {
    const reason = kept.get(node);
    const hasFloats = [...node.inputs, ...node.outputs].some(name => typeOf(name) === 'float32');
    if (bodiesOf(node).length > 0) {
      const reader = reading(node, 'float32', always);
      write(convertBodies(reader, node, scope, view, task), 'float32', always);
    } else if (!hasFloats || node.operator === 'Constant') {
      scope.nodes.push(node);
    } else if (reason !== undefined || MAKES_FLOAT32.has(node.operator)) {
      if (reason !== undefined) task.kept.push({layer: view.layerOf(node), reason});
      write(reading(node, 'float32', always), 'float32', always);
    } else {
      task.converted.push(view.layerOf(node));
      const inputs = float32Inputs(node.operator, task.opset);
      const outputs = FLOAT32_OUTPUTS[node.operator] ?? [];
      const reader = reading(castingToFloat16(node), 'float16', place => inputs.includes(place));
      write(reader, 'float16', place => outputs.includes(place));
    }
  }

  const rename = (info: OnnxValueInfo): OnnxValueInfo =>
    scope.isFloat16(info.name) ? asFloat16(info) : info;
  const outputs = mapSame(graph.outputs, info => {
    const isPassedOn = outer !== null && typeOf(info.name) === 'float32';
    // A body may give out a tensor of the graph around it, which is perhaps float16 there.
    return isPassedOn ? {...info, name: scope.nameAs(info.name, 'float32')} : rename(info);
  });
  const done = {...graph, outputs, inputs: mapSame(graph.inputs, rename)};
  const read = readNames(done, scope.nodes);
  const nodes = scope.nodes.filter(
    ({operator, outputs: made}) => operator !== 'Constant' || made.some(name => read.has(name)),
  );
  return {
    ...done,
    nodes,
    initializers: scope.initializers(done),
    valueInfos: mapSame(graph.valueInfos, rename),
  };
}

function convertBodies(
  node: OnnxNode,
  original: OnnxNode,
  outer: Float16Scope,
  {typeOf: outerTypeOf, layerOf}: GraphView,
  task: Task,
): OnnxNode {
  const prefix = `${layerOf(original)}/`;
  const attributes = mapSame(node.attributes, attribute => {
    const body = attribute.graph;
    if (body === undefined) return attribute;
    const known = typesOfBodyInputs(original, body, outerTypeOf);
    const typeOf = elementTypesOf(body, body.nodes, known, outerTypeOf);
    return {...attribute, graph: convertGraph(body, {outer, prefix, typeOf, borders: 'float32'}, task)};
  });
  return {...node, attributes};
}

function viewOf(
  graph: OnnxGraph,
  scope: Float16Scope,
  prefix: string,
  typeOf: TypeOf,
  {opset}: Task,
): GraphView {
  const consumers = new Map<string, OnnxNode[]>();
  const places = new Map(graph.nodes.map((node, index) => [node, index]));
  for (const node of graph.nodes) {
    for (const name of new Set([...node.inputs, ...outerNamesOf(node)])) {
      const readers = consumers.get(name);
      if (readers === undefined) consumers.set(name, [node]);
      else readers.push(node);
    }
  }
  return {
    nodes: graph.nodes.filter(node => bodiesOf(node).length === 0 && node.operator !== 'Constant'),
    outputs: new Set(graph.outputs.map(({name}) => name)),
    consumers,
    producers: new Map(graph.nodes.flatMap(node => node.outputs.map(name => [name, node] as const))),
    typeOf,
    constant: name => scope.constant(name),
    layerOf: node => `${prefix}${node.name || `${node.operator}_${places.get(node)}`}`,
    opset,
  };
}

/** A Cast to float32 of a layer that computes in float16 casts to that. */
function castingToFloat16(node: OnnxNode): OnnxNode {
  if (node.operator !== 'Cast') return node;
  const float32 = BigInt(onnxCodeFromElementType('float32'));
  const to = createAttribute('to', {int: BigInt(onnxCodeFromElementType('float16'))});
  const attributes = mapSame(node.attributes, one => (one.name === 'to' && one.int === float32 ? to : one));
  return {...node, attributes};
}

function isTensor({type}: OnnxValueInfo): boolean {
  return type?.sequence === undefined && type?.optional === undefined;
}

function asFloat16(info: OnnxValueInfo): OnnxValueInfo {
  const {type} = info;
  if (type?.tensor === undefined) return info;
  const elementTypeCode = onnxCodeFromElementType('float16');
  return {...info, type: {...type, tensor: {...type.tensor, elementTypeCode}}};
}

function decisionsOf({converted, kept, clamped}: Task, borders: FloatType): Decision[] {
  const decisions: Decision[] = [
    {
      decision: `${converted.length} of ${converted.length + kept.length} float layers in float16`,
      reason: 'half the bytes of weights and activations',
    },
    borders === 'float32'
      ? {decision: 'inputs and outputs stay float32', reason: 'callers need not know'}
      : {decision: 'inputs and outputs are float16', reason: 'asked for'},
  ];
  if (clamped.size > 0) {
    decisions.push({
      decision: `${[...clamped].join(', ')} cut off at ±65,504`,
      reason: 'bounds, masks and fillings beyond float16 mean the same at its end',
    });
  }
  return decisions;
}
