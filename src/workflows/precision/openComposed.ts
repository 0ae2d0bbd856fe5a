import {link as linkFile, mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import type {Plan} from '../../documents/plan.ts';
import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import {openSession, type Session} from '../../engine/session.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import type {EncodedSegments} from '../../quantize/boundary/encodeBoundary.ts';
import type {JudgedBuild} from '../builds/openJudge.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {withCutSegments} from '../release/cutSegments.ts';
import {writeSegment} from '../writeSegment.ts';

/** As the agent and the cloud open them: what was optimised before the cut must not be again. */
export const COMPOSED_OPTIMIZATION = 'disabled';

/** Of a plan, what its segments are made from. */
export interface ComposedPlan extends Pick<Plan, 'cut' | 'layers'> {
  /** Digest; `null`: the device's layers are fp32. */
  readonly deviceBuild: string | null;
}

/** The head and the tail that would be pushed, opened in `folder` and run here one after the other. */
export async function openComposed(
  project: OpenProject,
  prepared: PreparedModel,
  plan: ComposedPlan,
  folder: string,
  threads: number,
): Promise<JudgedBuild> {
  const {graph} = prepared;
  const onDevice = new Set(plan.layers.filter(({tier}) => tier === 'device').map(({name}) => name));
  const headLayers = graph.layers.filter(({name}) => onDevice.has(name)).map(({index}) => index);
  const open = async (name: string, model: OnnxModel | null): Promise<Session | null> => {
    if (model === null) return null;
    const written = await writeSegment(project.store, name, model);
    const own = join(folder, name);
    await mkdir(own);
    for (const {path, digest} of written.files) await linkFile(project.store.pathOf(digest), join(own, path));
    return openSession({path: join(own, written.graph)}, {optimization: COMPOSED_OPTIMIZATION, threads});
  };
  const pieces = {headLayers: new Set(headLayers), cut: plan.cut, deviceBuild: plan.deviceBuild};
  return withCutSegments(project, prepared, pieces, async segments => {
    const head = await open('head', segments.head);
    const tail = await open('tail', segments.tail);
    return {
      run: feeds => runSegments(segments, head, tail, feeds, graph.outputs),
      close: async () => {
        await head?.close();
        await tail?.close();
      },
      decisions: [],
    };
  });
}

async function runSegments(
  segments: EncodedSegments,
  head: Session | null,
  tail: Session | null,
  feeds: NamedTensors,
  outputs: readonly string[],
): Promise<NamedTensors> {
  const known: Record<string, Tensor> = {...feeds};
  const pick = (names: readonly string[]): NamedTensors =>
    Object.fromEntries(names.flatMap(name => (known[name] === undefined ? [] : [[name, known[name]]])));
  if (head !== null) Object.assign(known, (await head.run(pick(segments.headInputs))).outputs);
  if (tail !== null) Object.assign(known, (await tail.run(pick(segments.tailInputs))).outputs);
  return pick(outputs);
}
