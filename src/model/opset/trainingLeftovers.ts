import {CannotConvert, unchanged, type Conversion} from './conversion.ts';
import {attributeOf, withoutAttributes} from './nodeParts.ts';

/** BatchNormalization-9 knows only statistics per channel; without further axes there is no other kind. */
export const requireStatisticsPerChannel: Conversion = (node, scope) => {
  const spatial = attributeOf(node, 'spatial')?.int;
  if (spatial === undefined) return unchanged(node);
  const rank = scope.shapeOf(node.inputs[0] ?? '')?.length;
  if (spatial === 0n && rank !== 2) {
    throw new CannotConvert('it normalises each element by statistics of its own (spatial = 0)');
  }
  return {node: withoutAttributes(node, 'spatial'), what: 'spatial left out'};
};

/** Further outputs were for training; version 14 has others, and none without training_mode. */
export const withoutTrainingOutputs: Conversion = (node, scope) => {
  const [output = '', ...others] = node.outputs;
  if (others.length === 0) return unchanged(node);
  const used = others.find(name => name !== '' && scope.isRead(name));
  if (used !== undefined) throw new CannotConvert(`"${used}", an output for training, is used`);
  return {
    node: {...node, outputs: [output]},
    what: 'outputs for training, which nothing reads, are left out',
  };
};
