import type {Plan} from '../../documents/plan.ts';
import type {PreparedCut, Release} from '../../documents/release.ts';
import {tierBuildsOf} from '../../documents/tierBuilds.ts';
import type {CloudModel} from '../loadCloudModel.ts';
import {cloudOf, type OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {specsOf, writeSegment} from '../writeSegment.ts';
import {cloudModelFrom} from './composeChain.ts';
import {isFallbackWanted, joinFiles, othersMsOf, patienceMs} from './composeFallback.ts';
import {withCutSegments} from './cutSegments.ts';
import {cutsToCarry, type CarriedCut} from './cutsToCarry.ts';

interface TwoParts {
  readonly parts: Pick<Release, 'head' | 'tail' | 'fallback'>;
  readonly files: readonly Release['files'][number][];
  readonly cloudModels: readonly CloudModel[];
}

/** The plan's head and tail, and those of the cuts that are the best at other bandwidths, which share its weights. */
export async function composeTwoParts(
  project: OpenProject,
  plan: Plan,
  prepared: PreparedModel,
): Promise<Omit<TwoParts, 'parts'> & {steps: TwoParts['parts'] & Pick<Release, 'cuts'>; parts: []}> {
  const own = await composeCut(project, plan, prepared, {
    layers: plan.layers,
    cut: plan.cut,
    isPacked: plan.cut.some(row => row.isPacked === true),
    othersMs: othersMsOf(plan),
    suffix: '',
  });
  const carried = project.project.movesCut === false ? null : cutsToCarry(plan);
  if (carried === null) return {...own, steps: own.parts, parts: []};
  const composed: {readonly cut: CarriedCut; readonly made: TwoParts}[] = [];
  for (const [at, cut] of carried.table.entries()) {
    const {layers, cut: rows, isPacked, linkMs, cloudMs} = cut;
    const question = {layers, cut: rows, isPacked, othersMs: linkMs + cloudMs, suffix: `-${at + 1}`};
    const made = at === carried.first ? own : await composeCut(project, plan, prepared, question);
    composed.push({cut, made});
  }
  const table = composed.map(({cut, made}): PreparedCut => ({
    name: cut.name,
    fromBytesPerSecond: cut.fromBytesPerSecond,
    toBytesPerSecond: cut.toBytesPerSecond,
    transferMs: cut.transferMs,
    fixedLinkMs: Math.max(0, cut.linkMs - cut.transferMs),
    cloudMs: cut.cloudMs,
    ...made.parts,
  }));
  const models = [...own.cloudModels, ...composed.flatMap(({made}) => made.cloudModels)];
  return {
    steps: {...own.parts, cuts: {bytesPerSecond: carried.bytesPerSecond, table, first: carried.first}},
    files: composed.reduce((files, {made}) => joinFiles(files, made.files), own.files),
    cloudModels: [...new Map(models.map(model => [model.name, model])).values()],
    parts: [],
  };
}

interface CutQuestion {
  readonly layers: readonly {readonly name: string; readonly tier: string}[];
  readonly cut: Plan['cut'];
  readonly isPacked: boolean;
  /** Predicted for everything that is not the device's. */
  readonly othersMs: number;
  /** Of the graph files' names. */
  readonly suffix: string;
}

async function composeCut(
  project: OpenProject,
  plan: Plan,
  prepared: PreparedModel,
  {layers, cut, isPacked, othersMs, suffix}: CutQuestion,
): Promise<TwoParts> {
  const {graph} = prepared;
  const onDevice = new Set(layers.filter(layer => layer.tier === 'device').map(layer => layer.name));
  const headLayers = graph.layers.filter(layer => onDevice.has(layer.name)).map(layer => layer.index);
  const {store} = project;
  const pieces = {headLayers: new Set(headLayers), cut, builds: tierBuildsOf(plan.precision)};
  // The rest of the model in fp32, so that the device alone answers the same wherever the cloud's part is fp32 too.
  const hasRest = isFallbackWanted(project, plan);
  const {segments, head, tail, rest} = await withCutSegments(project, prepared, pieces, async made => ({
    segments: made,
    head: made.head === null ? null : await writeSegment(store, `head${suffix}`, made.head),
    tail: made.tail === null ? null : await cloudModelFrom(project, prepared.name, made.tail),
    rest: made.rest === null || !hasRest ? null : await writeSegment(store, `rest${suffix}`, made.rest),
  }));
  const cloud = cloudOf(project.project);
  const known = new Map([...prepared.types, ...segments.wireTypes]);
  const headInputs = specsOf(segments.headInputs, known);
  const headOutputs = specsOf(segments.headOutputs, known);
  const tailInputs = specsOf(segments.tailInputs, known);
  const tailOutputs = specsOf(segments.tailOutputs, known);
  return {
    parts: {
      ...(rest === null
        ? {}
        : {
            fallback: {
              steps: [{kind: 'run', graph: rest.graph, inputs: tailInputs, outputs: tailOutputs}],
              afterMs: patienceMs(othersMs),
            },
          }),
      ...(head === null ? {} : {head: {graph: head.graph, inputs: headInputs, outputs: headOutputs}}),
      ...(tail === null || cloud === null
        ? {}
        : {
            tail: {
              ...{url: cloud.url, modelName: tail.name, inputs: tailInputs, outputs: tailOutputs},
              ...(isPacked ? {isPacked} : {}),
            },
          }),
    },
    files: joinFiles(head?.files ?? [], rest?.files ?? []),
    cloudModels: tail === null ? [] : [tail],
  };
}
