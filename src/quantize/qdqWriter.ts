import type {ElementType} from '../documents/elementTypes.ts';
import {freshNames, freshTensorNames, type TakeName} from '../model/freshNames.ts';
import {createAttribute, createNode} from '../model/onnx/createMessages.ts';
import type {OnnxAttribute, OnnxModel, OnnxNode} from '../model/onnx/messages.ts';
import {InitializerPool, type TypedValues} from './initializerPool.ts';
import type {QuantizationParameters} from './quantizationPlan.ts';

/** Scale and zero point as initialisers, and the axis they lie along. */
export interface RoundingOperands {
  readonly scale: string;
  /** `null`: 0, for int32, whose DequantizeLinear takes none. */
  readonly zeroPoint: string | null;
  readonly axis: number | null;
}

const MICROSOFT = 'com.microsoft';

/** Collects the nodes and initialisers of a model in QDQ form, in the order in which they are added. */
export class QdqWriter {
  readonly #model: OnnxModel;
  readonly #opset: number;
  readonly #domain: string;
  readonly #takeTensorName: TakeName;
  readonly #takeNodeName: TakeName;
  readonly #pool: InitializerPool;
  readonly #nodes: OnnxNode[] = [];

  /** @throws RangeError below opset 13, which knows no scales per channel */
  constructor(model: OnnxModel, activationType: ElementType) {
    this.#model = model;
    this.#opset = standardOpset(model);
    if (this.#opset < 13)
      throw new RangeError(`opset ${this.#opset}; 13 is the first with scales per channel`);
    this.#domain = roundingDomain(model, activationType);
    this.#takeTensorName = freshTensorNames(model);
    this.#takeNodeName = freshNames(model.graph.nodes.map(({name}) => name));
    this.#pool = new InitializerPool(this.#takeTensorName);
  }

  addNode(node: OnnxNode): void {
    this.#nodes.push(node);
  }

  freshTensor(wanted: string): string {
    return this.#takeTensorName(wanted);
  }

  freshNode(wanted: string): string {
    return this.#takeNodeName(wanted);
  }

  /** The name of an initialiser with these values, new or one that is there. */
  addInitializer(wanted: string, type: ElementType, shape: readonly number[], values: TypedValues): string {
    return this.#pool.add(wanted, type, shape, values);
  }

  addFloats(wanted: string, values: Float32Array): string {
    return this.#pool.add(wanted, 'float32', [values.length], values);
  }

  /** A scale and a zero point for a whole tensor. */
  scalarOperands(name: string, {elementType, scale, zeroPoint}: QuantizationParameters): RoundingOperands {
    const zeroPoints = integerArray(elementType, [zeroPoint]);
    return {
      scale: this.#pool.add(`${name}_scale`, 'float32', [], Float32Array.of(scale)),
      zeroPoint: this.#pool.add(`${name}_zero_point`, elementType, [], zeroPoints),
      axis: null,
    };
  }

  /** QuantizeLinear of `source`; returns the integer tensor. */
  addQuantize(name: string, source: string, operands: RoundingOperands): string {
    const target = this.#takeTensorName(`${name}_quantized`);
    this.#addLinear('QuantizeLinear', name, source, target, operands);
    return target;
  }

  /** DequantizeLinear of `source` into `target`. */
  addDequantize(name: string, source: string, target: string, operands: RoundingOperands): void {
    this.#addLinear('DequantizeLinear', name, source, target, operands);
  }

  /** The model with the nodes added instead of its own. Initialisers that nothing reads are still there. */
  finish(): OnnxModel {
    const {graph, irVersion} = this.#model;
    return {
      ...withRoundingDomain(this.#model, this.#domain),
      irVersion: Math.max(irVersion, irVersionOfOpset(this.#opset)),
      graph: {...graph, nodes: this.#nodes, initializers: [...graph.initializers, ...this.#pool.tensors]},
    };
  }

  #addLinear(
    operator: string,
    name: string,
    source: string,
    target: string,
    {scale, zeroPoint, axis}: RoundingOperands,
  ): void {
    const attributes: OnnxAttribute[] = axis === null ? [] : [createAttribute('axis', {int: BigInt(axis)})];
    const inputs = zeroPoint === null ? [source, scale] : [source, scale, zeroPoint];
    const parts = {name: this.#takeNodeName(`${name}_${operator}`), domain: this.#domain, attributes};
    this.#nodes.push(createNode(operator, inputs, [target], parts));
  }
}

/** Where QuantizeLinear of that type is from: the standard takes 16 bits from opset 21 on, the runtime since long before. */
export function roundingDomain(model: OnnxModel, type: ElementType): string {
  return (type === 'uint16' || type === 'int16') && standardOpset(model) < 21 ? MICROSOFT : '';
}

/** The model with the domain among its imports. */
export function withRoundingDomain(model: OnnxModel, name: string): OnnxModel {
  const {opsetImports} = model;
  if (name === '' || opsetImports.some(({domain}) => domain === name)) return model;
  return {...model, opsetImports: [...opsetImports, {domain: name, version: 1, unknown: []}]};
}

/** The integers as an array of the tensor's own type. */
export function integerArray(elementType: ElementType, values: ArrayLike<number>): TypedValues {
  switch (elementType) {
    case 'int8':
      return Int8Array.from(values);
    case 'uint8':
      return Uint8Array.from(values);
    case 'int16':
      return Int16Array.from(values);
    case 'uint16':
      return Uint16Array.from(values);
    default:
      throw new RangeError(`no quantised tensors of type ${elementType}`);
  }
}

function standardOpset({opsetImports}: OnnxModel): number {
  return opsetImports.find(({domain}) => domain === '' || domain === 'ai.onnx')?.version ?? 0;
}

/** The oldest version of the format that may hold the opset. @see https://onnx.ai/onnx/repo-docs/Versioning.html */
function irVersionOfOpset(opset: number): number {
  if (opset >= 21) return 10;
  if (opset >= 19) return 9;
  return opset >= 15 ? 8 : 7;
}
