import {link as linkFile, mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import type {Plan} from '../../documents/plan.ts';
import {TIERS} from '../../documents/planTiers.ts';
import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import type {TierBuilds} from '../../documents/tierBuilds.ts';
import {openSession, type Session} from '../../engine/session.ts';
import {extractChain} from '../../model/extractChain.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {orderSegments} from '../../model/orderSegments.ts';
import type {JudgedBuild} from '../builds/openJudge.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {withCutSegments} from '../release/cutSegments.ts';
import {withServedLink} from '../release/partOfBuild.ts';
import {isHeadAndTail} from '../release/segmentsOfPlan.ts';
import {writeSegment} from '../writeSegment.ts';

/** As the agent and the cloud open them: what was optimised before the cut must not be again. */
export const COMPOSED_OPTIMIZATION = 'disabled';

/** Of a plan, what its segments are made from. */
export interface ComposedPlan extends Pick<Plan, 'cut' | 'layers'> {
  readonly builds: TierBuilds;
}

/** The segments that would be pushed, opened in `folder` and run here one after the other. */
export async function openComposed(
  project: OpenProject,
  prepared: PreparedModel,
  plan: ComposedPlan,
  folder: string,
  threads: number,
): Promise<JudgedBuild> {
  const {graph} = prepared;
  const open = async (name: string, model: OnnxModel | null): Promise<Session | null> => {
    if (model === null) return null;
    const written = await writeSegment(project.store, name, model);
    const own = join(folder, name);
    await mkdir(own);
    for (const {path, digest} of written.files) await linkFile(project.store.pathOf(digest), join(own, path));
    return openSession({path: join(own, written.graph)}, {optimization: COMPOSED_OPTIMIZATION, threads});
  };
  const tierOf = new Map(plan.layers.map(({name, tier}) => [name, tier]));
  const tiers = TIERS.map(tier => ({tier}));
  const segments = orderSegments(
    graph,
    graph.layers.map(({name}) => TIERS.indexOf(tierOf.get(name) ?? 'device')),
  );
  const opened: OpenedLink[] = [];
  const add = async (name: string, inputs: readonly string[], model: OnnxModel | null): Promise<void> => {
    const session = await open(name, model);
    if (session !== null) opened.push({session, inputs});
  };
  if (isHeadAndTail(segments, tiers)) {
    const head = segments.filter(({tier}) => TIERS[tier] === 'device').flatMap(({layers}) => layers);
    const {cut, builds} = plan;
    await withCutSegments(project, prepared, {headLayers: new Set(head), cut, builds}, async parts => {
      await add('head', parts.headInputs, parts.head);
      await add('tail', parts.tailInputs, parts.tail);
    });
  } else {
    const chain = extractChain(
      graph,
      segments.map(({layers}) => layers),
    );
    for (const [at, link] of chain.entries()) {
      const build = plan.builds[TIERS[segments[at]!.tier]!]?.build ?? null;
      await withServedLink(project, prepared, link, build, model =>
        add(`segment-${at + 1}`, link.inputs, model),
      );
    }
  }
  return {
    run: feeds => runLinks(opened, feeds, graph.outputs),
    close: async () => {
      for (const {session} of opened) await session.close();
    },
    decisions: [],
  };
}

interface OpenedLink {
  readonly session: Session;
  readonly inputs: readonly string[];
}

async function runLinks(
  links: readonly OpenedLink[],
  feeds: NamedTensors,
  outputs: readonly string[],
): Promise<NamedTensors> {
  const known: Record<string, Tensor> = {...feeds};
  const pick = (names: readonly string[]): NamedTensors =>
    Object.fromEntries(names.flatMap(name => (known[name] === undefined ? [] : [[name, known[name]]])));
  for (const {session, inputs} of links) Object.assign(known, (await session.run(pick(inputs))).outputs);
  return pick(outputs);
}
