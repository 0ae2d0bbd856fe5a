import type {OnnxNode} from '../onnx/messages.ts';
import {CannotConvert, unchanged, type Conversion, type Scope} from './conversion.ts';
import {attributeOf, textAttribute, textValue, withAttribute} from './nodeParts.ts';

/**
 * Upsample only makes larger, so its nearest element is always the one before: Resize with the coordinates and rounding
 * that Resize-10 had, written out as Resize-11 wants it.
 */
export const upsampleToResize: Conversion = node => ({
  node: withCoordinates({...node, operator: 'Resize'}, 'floor'),
  what: 'it became Resize',
  version: 11,
});

/**
 * Resize-10 divided coordinates by the scale; its nearest element was the one before when making larger and the one after
 * when making smaller (ONNX Runtime, upsamplebase.h: ResizeNearestMode::SIMPLE).
 */
export const writeOutCoordinates: Conversion = (node, scope) => {
  const isNearest = (textAttribute(node, 'mode') ?? 'nearest') === 'nearest';
  return {
    node: withCoordinates(node, isNearest ? roundingOf(node, scope) : null),
    what: 'coordinates and rounding are written out',
  };
};

/**
 * Version 13 has left-out inputs where version 11 had empty tensors, and no longer knows `tf_half_pixel_for_nn`: with
 * rounding down that is `half_pixel` with halves rounded up.
 */
export const leaveOutEmptyInputs: Conversion = (node, scope) => {
  const inputs = node.inputs.map((name, place) => (place > 0 && isEmpty(name, scope) ? '' : name));
  const isSame = inputs.every((name, place) => name === node.inputs[place]);
  const isOld = textAttribute(node, 'coordinate_transformation_mode') === 'tf_half_pixel_for_nn';
  if (!isOld) return isSame ? unchanged(node) : {node: {...node, inputs}, what: 'empty inputs are left out'};
  if (textAttribute(node, 'nearest_mode') !== 'floor' || textAttribute(node, 'mode') !== 'nearest') {
    throw new CannotConvert('coordinate_transformation_mode tf_half_pixel_for_nn exists no more');
  }
  const halfPixel = withAttribute(
    {...node, inputs},
    'coordinate_transformation_mode',
    textValue('half_pixel'),
  );
  return {
    node: withAttribute(halfPixel, 'nearest_mode', textValue('round_prefer_ceil')),
    what: 'tf_half_pixel_for_nn became half_pixel',
  };
};

/** GridSample-20 also works in three dimensions, and so names its modes anew. */
export const renameSamplingMode: Conversion = node => {
  const names: Record<string, string> = {bilinear: 'linear', bicubic: 'cubic'};
  const mode = textAttribute(node, 'mode') ?? 'bilinear';
  const name = names[mode];
  if (name === undefined) return unchanged(node);
  return {node: withAttribute(node, 'mode', textValue(name)), what: `mode ${mode} became ${name}`};
};

/** RoiAlign-16 shifts by half a pixel unless told not to. */
export const keepUnshiftedRegions: Conversion = node => {
  const mode = 'coordinate_transformation_mode';
  if (attributeOf(node, mode) !== undefined) return unchanged(node);
  return {node: withAttribute(node, mode, textValue('output_half_pixel')), what: `${mode} is written out`};
};

function withCoordinates(node: OnnxNode, nearestMode: 'floor' | 'ceil' | null): OnnxNode {
  const [data = '', scales = ''] = node.inputs;
  const asymmetric = withAttribute(
    {...node, inputs: [data, '', scales]},
    'coordinate_transformation_mode',
    textValue('asymmetric'),
  );
  return nearestMode === null
    ? asymmetric
    : withAttribute(asymmetric, 'nearest_mode', textValue(nearestMode));
}

function roundingOf(node: OnnxNode, scope: Scope): 'floor' | 'ceil' {
  const value = scope.constantOf(node.inputs[1] ?? '');
  if (value === undefined) throw new CannotConvert('its scales are not constant');
  const scales = new Float32Array(new Uint8Array(value.bytes).buffer);
  if (scales.every(scale => scale >= 1)) return 'floor';
  if (scales.every(scale => scale <= 1)) return 'ceil';
  throw new CannotConvert('it makes one axis larger and another smaller, by the nearest element');
}

function isEmpty(name: string, scope: Scope): boolean {
  return scope.constantOf(name)?.bytes.byteLength === 0;
}
