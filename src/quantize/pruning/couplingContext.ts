import type {Graph, Layer} from '../../model/graph.ts';
import type {ConstantValues} from './constantValues.ts';
import type {Coupling, RefusalReason} from './coupling.ts';

/** What an operator's rule sees; every input and output it is called with has a known shape. */
export interface CouplingContext {
  readonly graph: Graph;
  readonly coupling: Coupling;
  readonly layer: Layer;
  readonly constants: ConstantValues;
  /** Version of the standard operators. */
  readonly opset: number;
}

/** Says which channels of a layer's inputs, weights and outputs go together, and which must stay. */
export type CouplingRule = (context: CouplingContext) => void;

/** The input at this place; `undefined` when it is left out. */
export function inputAt({layer}: CouplingContext, place: number): string | undefined {
  const name = layer.node.inputs[place];
  return name === '' ? undefined : name;
}

/** The first input and output, which every rule needs. */
export function endsOf({layer}: CouplingContext): {x: string; y: string} {
  return {x: layer.node.inputs[0] ?? '', y: layer.node.outputs[0] ?? ''};
}

export function shapeOf({coupling}: CouplingContext, tensor: string): readonly number[] {
  return coupling.shapeOf(tensor) ?? [];
}

export function refuseLayer({coupling, layer}: CouplingContext, reason: RefusalReason): void {
  const refusal = {reason, layer: layer.name};
  for (const tensor of [...layer.inputs, ...layer.outerInputs, ...layer.outputs])
    coupling.refuseTensor(tensor, refusal);
}

export function refuseAxis(
  {coupling, layer}: CouplingContext,
  tensor: string,
  axis: number,
  reason: RefusalReason,
): void {
  coupling.refuse(tensor, axis, {reason, layer: layer.name});
}

/** Every axis of the two tensors, which have one shape. */
export function joinTensors(
  context: CouplingContext,
  a: string,
  b: string,
  except: readonly number[] = [],
): void {
  shapeOf(context, a).forEach((_, axis) => {
    if (!except.includes(axis)) context.coupling.joinAxes(a, axis, b, axis);
  });
}

/** `from` spread over `to`: axes are aligned at the end, and an axis of size 1 goes with any size. */
export function joinBroadcast(context: CouplingContext, from: string, to: string): void {
  const fromShape = shapeOf(context, from);
  const toShape = shapeOf(context, to);
  fromShape.forEach((size, axis) => {
    const toAxis = axis + toShape.length - fromShape.length;
    if (size === toShape[toAxis]) context.coupling.joinAxes(from, axis, to, toAxis);
    else refuseAxis(context, from, axis, 'broadcast');
  });
}

/** A negative axis counts from the end. */
export function axisFromEnd(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
