import type {InspectedCut, InspectedTensor, Inspection} from '../documents/inspection.ts';
import {formatBytes, formatCount} from './formatNumbers.ts';
import {formatTable, plainText, wrapText} from './formatTable.ts';

/** What `edgewise inspect` shows: inputs and outputs, every layer with its cost, and where a cut is cheap. */
export function textFromInspection(inspection: Inspection, width?: number): string {
  const {model, inputs, outputs, totals, layers, cheapestCuts} = inspection;
  const opsets = model.opsets
    .map(({domain, version}) => `${domain === '' ? 'ai.onnx' : domain} ${version}`)
    .join(', ');
  const summary =
    `${totals.layers} layers, ${formatCount(totals.multiplyAdds)} multiply-adds, ` +
    `${formatBytes(totals.weightBytes)} of weights, ${formatBytes(totals.activationBytes)} of activations`;
  const unknown = totals.layersWithoutCost;

  const layerTable = formatTable(
    [
      {title: '#', align: 'right'},
      {title: 'layer', shrinksTo: 12},
      {title: 'operator', shrinksTo: 8},
      {title: 'output', shrinksTo: 10},
      {title: 'multiply-adds', align: 'right'},
      {title: 'weights', align: 'right'},
      {title: 'activations', align: 'right'},
    ],
    layers.map((layer, at) => [
      String(at + 1),
      layer.name,
      layer.operator,
      layer.outputs.map(formOf).join(' '),
      layer.multiplyAdds === null ? '?' : formatCount(layer.multiplyAdds),
      `${layer.sharesWeights ? '*' : ''}${layer.weightBytes === 0 ? '-' : formatBytes(layer.weightBytes)}`,
      layer.activationBytes === null ? '?' : formatBytes(layer.activationBytes),
    ]),
    width,
  );

  return [
    wrapText(
      `Made by ${model.producer || 'an unnamed tool'}; IR version ${model.irVersion}; operators ${opsets}`,
      width,
    ),
    ...inputs.map(tensor => wrapText(`input   ${tensor.name}: ${formOf(tensor)}`, width)),
    ...outputs.map(tensor => wrapText(`output  ${tensor.name}: ${formOf(tensor)}`, width)),
    wrapText(summary, width),
    ...(unknown === 0
      ? []
      : [wrapText(`Not in these sums, because their shapes are unknown: ${unknown} layers.`, width)]),
    '',
    layerTable,
    ...(layers.some(layer => layer.sharesWeights)
      ? [wrapText('* shares weights with an earlier layer, where they are counted', width)]
      : []),
    '',
    ...(cheapestCuts.length === 0
      ? ['No cut inside the model sends less than its input.']
      : ['Cheap places for a cut', cutTable(cheapestCuts, layers.length, width)]),
  ].join('\n');
}

function cutTable(cuts: readonly InspectedCut[], layerCount: number, width?: number): string {
  return formatTable(
    [
      {title: 'after layer', shrinksTo: 12},
      {title: 'device', align: 'right'},
      {title: 'cloud', align: 'right'},
      {title: 'sends', align: 'right'},
      {title: 'tensors', shrinksTo: 12},
    ],
    cuts.map(cut => [
      cut.after ?? '(the input)',
      String(cut.position),
      String(layerCount - cut.position),
      cut.bytes === null ? '?' : formatBytes(cut.bytes),
      cut.tensors.join(' '),
    ]),
    width,
  );
}

/** "float32 [batch, 3, 32, 32]". */
function formOf(tensor: InspectedTensor): string {
  const shape = tensor.shape === null ? '[…]' : `[${tensor.shape.map(size => size ?? '?').join(', ')}]`;
  return plainText(`${tensor.elementType ?? '?'} ${shape}`);
}
