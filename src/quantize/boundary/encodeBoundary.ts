import type {BoundaryEncoding} from '../../documents/boundary.ts';
import type {TensorSpec} from '../../documents/tensor.ts';
import type {Segments} from '../../model/extractSegments.ts';
import type {MeasuredType} from '../../model/exposeAllTensors.ts';
import {freshNames, freshTensorNames} from '../../model/freshNames.ts';
import {createGraph, createModel, createValueInfo} from '../../model/onnx/createMessages.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {OLDEST_TARGET, raiseOpset, standardOpset} from '../../model/opset/raiseOpset.ts';
import {codecOf, WIRE_TYPES, type Codec, type CodecPart, type Namers} from './codecs.ts';

/** Segments between which some tensors travel in fewer bytes, under names of their own. */
export interface EncodedSegments extends Segments {
  /** By the names under which they travel. */
  readonly wireTypes: ReadonlyMap<string, MeasuredType>;
}

export interface BoundaryRequest {
  /** By tensor; what has none travels as it is. */
  readonly encodings: ReadonlyMap<string, BoundaryEncoding>;
  /** Knows at least the tensors of `encodings`. */
  readonly types: ReadonlyMap<string, MeasuredType>;
  /** Those of the whole model, which are given out as they are whatever crosses. */
  readonly modelOutputs: readonly string[];
  /** Others that may stand in for head or tail: what travels is called as nothing is in them either. */
  readonly besides?: readonly OnnxModel[];
}

/**
 * The segments with each tensor of `encodings` rounded at the head's end and made whole again at the tail's beginning. A
 * model input that crosses is encoded by the head too, which then exists even where no layer runs there. Segments of an old
 * opset are raised to 13.
 * @throws ExpectedError `opset-unsupported`; RangeError for a tensor that does not cross, or is not float32
 */
export function encodeBoundary(
  segments: Segments,
  {encodings, types, modelOutputs, besides = []}: BoundaryRequest,
): EncodedSegments {
  if (encodings.size === 0) return {...segments, wireTypes: new Map()};
  if (segments.tail === null) throw new RangeError('nothing crosses: there is no tail');
  const tail = raised(segments.tail, types);
  const head = segments.head === null ? emptyHead(tail) : raised(segments.head, types);
  const namers = namersOf(tail, [head, tail, ...besides.map(model => raised(model, types))]);
  const codecs = [...encodings].map(([name, encoding]): NamedCodec => {
    const type = types.get(name);
    if (!segments.boundary.includes(name)) throw new RangeError(`tensor ${name} does not cross`);
    if (type?.elementType !== 'float32') throw new RangeError(`tensor ${name} is not known to be float32`);
    const wire = namers.takeTensor(`${name}_${encoding.precision}`);
    return {
      spec: {name, elementType: type.elementType, shape: type.shape},
      wire,
      codec: codecOf({name, wire, shape: type.shape, encoding}, namers),
      wireType: {elementType: WIRE_TYPES[encoding.precision], shape: type.shape},
    };
  });
  const wires = new Map(codecs.map(({spec, wire}) => [spec.name, wire]));
  const travelName = (name: string): string => wires.get(name) ?? name;
  // A tensor that is an output of the model as well is given out twice: as it is, and as it travels.
  const isMadeByHead = (name: string): boolean => segments.headOutputs.includes(name);
  const isOutput = (name: string): boolean => modelOutputs.includes(name);
  const keptOutputs = segments.headOutputs.filter(name => !wires.has(name) || isOutput(name));
  const addedInputs = codecs
    .map(({spec}) => spec)
    .filter(({name}) => !isMadeByHead(name) && !segments.headInputs.includes(name));
  return {
    ...segments,
    head: encodingHead(head, codecs, addedInputs, keptOutputs),
    tail: decodingTail(tail, codecs),
    boundary: segments.boundary.map(travelName),
    headInputs: [...segments.headInputs, ...addedInputs.map(({name}) => name)],
    headOutputs: [...codecs.map(({wire}) => wire), ...keptOutputs],
    tailInputs: segments.tailInputs.map(travelName),
    wireTypes: new Map(codecs.map(({wire, wireType}) => [wire, wireType])),
  };
}

interface NamedCodec {
  /** Of the tensor as the layers know it. */
  readonly spec: TensorSpec;
  /** Its name on the way. */
  readonly wire: string;
  readonly wireType: MeasuredType;
  readonly codec: Codec;
}

function encodingHead(
  head: OnnxModel,
  codecs: readonly NamedCodec[],
  addedInputs: readonly TensorSpec[],
  keptOutputs: readonly string[],
): OnnxModel {
  const {graph} = head;
  const kept = new Set(keptOutputs);
  const withCodecs = addParts(
    head,
    codecs.map(({codec}) => codec.encode),
    'after',
  );
  return {
    ...withCodecs,
    graph: {
      ...withCodecs.graph,
      inputs: [
        ...graph.inputs,
        ...addedInputs.map(({name, elementType, shape}) => createValueInfo(name, elementType, shape)),
      ],
      outputs: [
        ...codecs.map(({wire, wireType}) => createValueInfo(wire, wireType.elementType, wireType.shape)),
        ...graph.outputs.filter(({name}) => kept.has(name)),
      ],
    },
  };
}

function decodingTail(tail: OnnxModel, codecs: readonly NamedCodec[]): OnnxModel {
  const byName = new Map(codecs.map(codec => [codec.spec.name, codec]));
  const withCodecs = addParts(
    tail,
    codecs.map(({codec}) => codec.decode),
    'before',
  );
  const inputs = tail.graph.inputs.map(info => {
    const codec = byName.get(info.name);
    return codec === undefined
      ? info
      : createValueInfo(codec.wire, codec.wireType.elementType, codec.wireType.shape);
  });
  return {...withCodecs, graph: {...withCodecs.graph, inputs}};
}

function addParts(model: OnnxModel, parts: readonly CodecPart[], where: 'before' | 'after'): OnnxModel {
  const {graph} = model;
  const nodes = parts.flatMap(part => part.nodes);
  return {
    ...model,
    graph: {
      ...graph,
      nodes: where === 'before' ? [...nodes, ...graph.nodes] : [...graph.nodes, ...nodes],
      initializers: [...graph.initializers, ...parts.flatMap(part => part.initializers)],
    },
  };
}

function raised(model: OnnxModel, types: ReadonlyMap<string, MeasuredType>): OnnxModel {
  const opset = standardOpset(model);
  return opset === undefined || opset >= OLDEST_TARGET
    ? model
    : raiseOpset(model, OLDEST_TARGET, types).model;
}

/** Of the tail's own opset, so that whatever runs the one runs the other. */
function emptyHead(tail: OnnxModel): OnnxModel {
  const opsetImports = tail.opsetImports.filter(({domain}) => domain === '' || domain === 'ai.onnx');
  const {irVersion} = tail;
  return createModel(createGraph({name: 'head'}), {irVersion, opsetImports});
}

/** Names that none of the models has: what travels is called alike in all. */
function namersOf(tail: OnnxModel, models: readonly OnnxModel[]): Namers {
  const nodes = models.flatMap(({graph}) => graph.nodes);
  const graph = {
    ...tail.graph,
    nodes,
    inputs: models.flatMap(model => model.graph.inputs),
    outputs: models.flatMap(model => model.graph.outputs),
    initializers: models.flatMap(model => model.graph.initializers),
    sparseInitializers: models.flatMap(model => model.graph.sparseInitializers),
  };
  const functions = models.flatMap(model => model.functions);
  return {
    takeTensor: freshTensorNames({...tail, graph, functions}),
    takeNode: freshNames(nodes.map(({name}) => name)),
  };
}
