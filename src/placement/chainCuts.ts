import {crossingNs} from './costOfPlacement.ts';
import type {PlacementProblem} from './problem.ts';

export interface ChainCut {
  /** This many layers, in the problem's order, run on the device; the others in the cloud. */
  readonly deviceLayers: number;
  readonly costNs: number;
  readonly isAllowed: boolean;
}

/**
 * Every cut at a position of the layers' order (which must be topological): n + 1 of them, costs in ns, in one pass.
 * Empty without a cloud.
 */
export function chainCuts(problem: PlacementProblem): ChainCut[] {
  const {layers, tensors, link} = problem;
  if (link === null) return [];
  // What changes at each position: entry k is added to every cut with at least k layers on the device.
  const costSteps = new Array<number>(layers.length + 2).fill(0);
  const violationSteps = new Array<number>(layers.length + 2).fill(0);
  const addBetween = (steps: number[], first: number, last: number, amount: number): void => {
    steps[first] = (steps[first] ?? 0) + amount;
    steps[last + 1] = (steps[last + 1] ?? 0) - amount;
  };
  layers.forEach((layer, index) => {
    addBetween(costSteps, index + 1, layers.length, layer.deviceNs);
    addBetween(costSteps, 0, index, layer.cloudNs ?? 0);
    if (layer.cloudNs === null || layer.pin?.tier === 'device') addBetween(violationSteps, 0, index, 1);
    if (layer.pin?.tier === 'cloud') addBetween(violationSteps, index + 1, layers.length, 1);
  });
  for (const tensor of tensors) {
    const made = tensor.producer === null ? 0 : tensor.producer + 1;
    const lastReader = Math.max(-1, ...tensor.consumers);
    if (lastReader >= made) {
      addBetween(costSteps, made, lastReader, crossingNs(link, tensor, 'up'));
      if (!tensor.canCross) addBetween(violationSteps, made, lastReader, 1);
    }
    if (tensor.isOutput && tensor.producer !== null) {
      addBetween(costSteps, 0, tensor.producer, crossingNs(link, tensor, 'down'));
      if (!tensor.canCross) addBetween(violationSteps, 0, tensor.producer, 1);
    }
  }
  let costNs = 0;
  let violations = 0;
  return Array.from({length: layers.length + 1}, (_, deviceLayers) => {
    costNs += costSteps[deviceLayers] ?? 0;
    violations += violationSteps[deviceLayers] ?? 0;
    const fixedNs = deviceLayers < layers.length ? link.fixedNs : 0;
    const deviceFixedNs = deviceLayers > 0 ? (problem.deviceFixedNs ?? 0) : 0;
    const cutFixedNs = deviceLayers > 0 && deviceLayers < layers.length ? (link.cutFixedNs ?? 0) : 0;
    return {
      deviceLayers,
      costNs: costNs + fixedNs + deviceFixedNs + cutFixedNs,
      isAllowed: violations === 0,
    };
  });
}
