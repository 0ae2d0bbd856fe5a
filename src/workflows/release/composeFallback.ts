import type {DeployedFallback, DeployedFile, DeployedStep} from '../../documents/deployedSteps.ts';
import type {Plan} from '../../documents/plan.ts';
import {extractChain} from '../../model/extractChain.ts';
import type {Segment} from '../../model/orderSegments.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {specsOf, writeSegment} from '../writeSegment.ts';

/** Others get this many times what the plan predicts for everything that is not the device's, but never less than LEAST_MS. */
const PATIENCE = 5;
const LEAST_MS = 500;

/** How long a call may take before the device goes on alone. */
export function patienceMs(othersMs: number): number {
  return Math.ceil(Math.max(LEAST_MS, PATIENCE * othersMs));
}

/** What a plan predicts for everything that is not the device's. */
export function othersMsOf({predicted}: Plan): number {
  return predicted.latencyMs - predicted.deviceMs;
}

/** Layers that were told to run elsewhere are not brought to the device behind the user's back. */
export function isFallbackWanted({project}: Pick<OpenProject, 'project'>, {constraints}: Plan): boolean {
  return project.fallback !== 'none' && constraints.pins.every(({tier}) => tier === 'device');
}

/**
 * What the device does when a call brings no answer. Of a single call: all layers from there on, from what is known by
 * then. Of several: the whole model, from its inputs. `null` where nothing is asked of others.
 */
export async function composeFallback(
  {store}: Pick<OpenProject, 'store'>,
  {graph, types}: Pick<PreparedModel, 'graph' | 'types'>,
  plan: Plan,
  {
    tiers,
    segments,
    steps,
  }: {
    readonly tiers: readonly {readonly tier: string}[];
    readonly segments: readonly Segment[];
    readonly steps: readonly DeployedStep[];
  },
): Promise<{readonly fallback: DeployedFallback; readonly files: readonly DeployedFile[]} | null> {
  const calls = steps.filter(({kind}) => kind === 'call').length;
  if (calls === 0) return null;
  const isOfDevice = ({tier}: Segment): boolean => tiers[tier]?.tier === 'device';
  const firstElsewhere = segments.findIndex(segment => !isOfDevice(segment));
  const before = calls > 1 ? [] : segments.slice(0, firstElsewhere).flatMap(({layers}) => layers);
  const done = new Set(before);
  const rest = graph.layers.map(({index}) => index).filter(index => !done.has(index));
  const {model, inputs, outputs} = extractChain(graph, before.length === 0 ? [rest] : [before, rest]).at(-1)!;
  const written = await writeSegment(store, 'rest', model);
  const tensors = {inputs: specsOf(inputs, types), outputs: specsOf(outputs, types)};
  return {
    fallback: {
      steps: [{kind: 'run', graph: written.graph, ...tensors}],
      afterMs: patienceMs(othersMsOf(plan)),
    },
    files: written.files,
  };
}

/** Segments share their weights: each file once. */
export function joinFiles(
  first: readonly DeployedFile[],
  second: readonly DeployedFile[],
): readonly DeployedFile[] {
  return [...new Map([...first, ...second].map(file => [file.path, file])).values()];
}
