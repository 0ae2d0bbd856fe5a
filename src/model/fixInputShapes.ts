import {EXIT, ExpectedError} from '../errors.ts';
import {typeOfValueInfo} from './graphFromModel.ts';
import type {OnnxDim, OnnxModel, OnnxTensorType, OnnxValueInfo} from './onnx/messages.ts';
import {mapSame} from './onnx/rewriteTensors.ts';

/**
 * Writes the given shapes (sizes per input name) into the model's inputs, and the sizes of the symbols they fix into every
 * declared shape of the outer graph. Overridable initialisers must have been stripped before.
 * @throws ExpectedError `input-shape-missing` (exit 10) when a size stays open, `input-shape-conflict` (exit 2) when a
 * given shape contradicts the model or another input, or names no input
 */
export function fixInputShapes(
  model: OnnxModel,
  shapes: Readonly<Record<string, readonly number[]>>,
): OnnxModel {
  const {graph} = model;
  const names = graph.inputs.map(({name}) => name);
  for (const name of Object.keys(shapes)) {
    if (!names.includes(name)) {
      throw conflict(`A shape is given for input "${name}", but the model's inputs are ${quoted(names)}.`);
    }
  }
  const symbols = new Map<string, {size: number; input: string}>();
  for (const info of graph.inputs) bindSymbols(info, shapes, symbols);
  const fix = (info: OnnxValueInfo): OnnxValueInfo => fixSymbols(info, symbols);
  const inputs = mapSame(graph.inputs, info => fixInput(info, shapes, symbols));
  const outputs = mapSame(graph.outputs, fix);
  const valueInfos = mapSame(graph.valueInfos, fix);
  if (inputs === graph.inputs && outputs === graph.outputs && valueInfos === graph.valueInfos) return model;
  return {...model, graph: {...graph, inputs, outputs, valueInfos}};
}

function bindSymbols(
  info: OnnxValueInfo,
  shapes: Readonly<Record<string, readonly number[]>>,
  symbols: Map<string, {size: number; input: string}>,
): void {
  const given = shapes[info.name];
  const {dims} = typeOfValueInfo(info);
  if (given === undefined || dims === undefined) return;
  const isPossible =
    given.length === dims.length && dims.every((dim, axis) => typeof dim !== 'number' || dim === given[axis]);
  if (!isPossible) {
    throw conflict(`Input "${info.name}" is ${printed(dims)} in the model; ${printed(given)} was given.`);
  }
  dims.forEach((dim, axis) => {
    const size = given[axis] ?? 0;
    if (typeof dim !== 'string') return;
    const before = symbols.get(dim);
    if (before !== undefined && before.size !== size) {
      throw conflict(
        `Size "${dim}" is ${before.size} in input "${before.input}" but ${size} in input "${info.name}" as given.`,
      );
    }
    symbols.set(dim, {size, input: info.name});
  });
}

function fixInput(
  info: OnnxValueInfo,
  shapes: Readonly<Record<string, readonly number[]>>,
  symbols: ReadonlyMap<string, {size: number}>,
): OnnxValueInfo {
  const {isTensor, shape, dims} = typeOfValueInfo(info);
  if (!isTensor || shape !== undefined) return info;
  const sizes =
    shapes[info.name] ?? dims?.map(dim => (typeof dim === 'string' ? symbols.get(dim)?.size : dim));
  const isComplete = sizes?.every(size => typeof size === 'number') ?? false;
  if (!isComplete || info.type?.tensor === undefined) {
    const example = dims?.map(dim => dim ?? 1).map(dim => (typeof dim === 'string' ? 1 : dim)) ?? [1];
    throw new ExpectedError(
      'input-shape-missing',
      `Input "${info.name}" is ${dims === undefined ? 'of unknown shape' : printed(dims)} in the model, and no shape was given that fixes it.`,
      EXIT.invalidDocument,
      {hints: [`Add to edgewise.yaml: model: {inputs: {${info.name}: [${example.join(', ')}]}}.`]},
    );
  }
  return withDims(
    info,
    info.type.tensor,
    (sizes as number[]).map(size => ({size, denotation: '', unknown: []})),
  );
}

function fixSymbols(info: OnnxValueInfo, symbols: ReadonlyMap<string, {size: number}>): OnnxValueInfo {
  const tensor = info.type?.tensor;
  const dims = tensor?.shape?.dims;
  if (tensor === undefined || dims === undefined) return info;
  const fixed = mapSame(dims, (dim): OnnxDim => {
    const size = dim.symbol === undefined ? undefined : symbols.get(dim.symbol)?.size;
    return size === undefined ? dim : {size, denotation: dim.denotation, unknown: dim.unknown};
  });
  return fixed === dims ? info : withDims(info, tensor, fixed);
}

function withDims(info: OnnxValueInfo, tensor: OnnxTensorType, dims: readonly OnnxDim[]): OnnxValueInfo {
  const shape = {unknown: [], ...tensor.shape, dims};
  return {...info, type: {denotation: '', unknown: [], ...info.type, tensor: {...tensor, shape}}};
}

function conflict(message: string): ExpectedError {
  return new ExpectedError('input-shape-conflict', message, EXIT.usage, {
    hints: ['Correct model.inputs in edgewise.yaml.'],
  });
}

function printed(dims: readonly (number | string | null)[]): string {
  return `[${dims.map(dim => dim ?? '?').join(', ')}]`;
}

function quoted(names: readonly string[]): string {
  return names.map(name => `"${name}"`).join(', ');
}
