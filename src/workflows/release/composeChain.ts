import type {DeployedStep} from '../../documents/deployedSteps.ts';
import type {Part} from '../../documents/part.ts';
import type {Plan} from '../../documents/plan.ts';
import {jsonFromDocument} from '../../documents/printDocument.ts';
import {extractChain} from '../../model/extractChain.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {nestCalls, type Call, type Step} from '../../model/nestCalls.ts';
import type {Segment} from '../../model/orderSegments.ts';
import {digestOfBytes, hexOfDigest} from '../../workspace/digest.ts';
import type {CloudModel} from '../loadCloudModel.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import type {ShippedFile} from '../deploy/shipFiles.ts';
import {specsOf, writeSegment} from '../writeSegment.ts';
import {nameOfSegment} from './nameOfSegment.ts';
import {withServedLink} from './partOfBuild.ts';
import type {PlacedTier} from './placedTiers.ts';

export interface ComposedPart {
  readonly name: string;
  /** Everything that goes into parts/<name>/ on the gateway, part.json among it. */
  readonly files: readonly ShippedFile[];
}

export interface ComposedChain {
  /** Of the device. */
  readonly steps: readonly DeployedStep[];
  readonly files: Part['files'];
  /** What others must be able to serve before the device is switched: the cloud's first, for the parts ask for them. */
  readonly cloudModels: readonly CloudModel[];
  readonly parts: readonly ComposedPart[];
}

export interface ChainRequest {
  readonly project: OpenProject;
  readonly prepared: PreparedModel;
  readonly plan: Plan;
  readonly planDigest: string;
  readonly tiers: readonly PlacedTier[];
  /** By index into `tiers`. */
  readonly segments: readonly Segment[];
  /** Whether the plan has the device ask the cloud itself, past its gateway. */
  readonly isCloudDirect: boolean;
  readonly gatewayThreads: number;
  /** Whether the cloud keeps tensors from one call of a request to the next. */
  readonly canCloudKeep: boolean;
}

/**
 * A placement over any tiers, back and forth, as what each machine is given: steps for the device, parts for the gateway,
 * models for the cloud. Parts and models are named by their content, so devices with the same ones share them.
 */
export async function composeChain(request: ChainRequest): Promise<ComposedChain> {
  const {project, prepared, plan, planDigest, tiers, segments} = request;
  const {graph, types} = prepared;
  const {store} = project;
  const chain = extractChain(
    graph,
    segments.map(({layers}) => layers),
  );
  const placed = chain.map(({inputs, outputs}, index) => ({tier: segments[index]!.tier, inputs, outputs}));
  const nested = nestCalls(placed, {
    inputs: graph.inputs,
    outputs: [...new Set(graph.outputs)],
    hasDirectLink: (from, to) =>
      request.isCloudDirect && tiers[from]?.tier === 'device' && tiers[to]?.tier === 'cloud',
    canKeep: tier => tiers[tier]?.tier === 'gateway' || request.canCloudKeep,
  });
  const served = <T>(segment: number, work: (model: OnnxModel) => Promise<T>): Promise<T> => {
    const build = plan.precision?.[tiers[segments[segment]!.tier]!.tier]?.build ?? null;
    return withServedLink(project, prepared, chain[segment]!, build, work);
  };
  const cloudModels: CloudModel[] = [];
  const parts: ComposedPart[] = [];

  const composeSteps = async (steps: readonly Step[], tier: number) => {
    const deployed: DeployedStep[] = [];
    const files = new Map<string, Part['files'][number]>();
    for (const step of steps) {
      if (step.kind === 'call') {
        deployed.push(await composeCall(step, tier));
        continue;
      }
      const {inputs, outputs} = chain[step.segment]!;
      const written = await served(step.segment, model =>
        writeSegment(store, `segment-${step.segment + 1}`, model),
      );
      for (const file of written.files) files.set(file.path, file);
      const tensors = {inputs: specsOf(inputs, types), outputs: specsOf(outputs, types)};
      deployed.push({kind: 'run', graph: written.graph, ...tensors});
    }
    return {steps: deployed, files: [...files.values()]};
  };

  const composeCall = async (call: Call, from: number): Promise<DeployedStep> => {
    const callee = tiers[call.tier]!;
    const url = callee.urlFrom(tiers[from]!.tier);
    if (url === null || callee.tier === 'device')
      throw new Error(`${tiers[from]!.machine} has no link to ${callee.machine}`);
    return {
      kind: 'call',
      tier: callee.tier,
      machine: callee.machine,
      url,
      modelName: callee.tier === 'cloud' ? await addCloudModel(call) : await addPart(call),
      inputs: specsOf(call.inputs, types),
      outputs: specsOf(call.outputs, types),
      held: [...call.held],
      keeps: [...call.keeps],
      isLast: call.isLast,
    };
  };

  const addCloudModel = async ({steps}: Call): Promise<string> => {
    const [step] = steps;
    if (step?.kind !== 'run' || steps.length !== 1)
      throw new Error('the cloud is asked for one segment a call');
    const model = await served(step.segment, made => cloudModelFrom(project, prepared.name, made));
    cloudModels.push(model);
    return model.name;
  };

  const addPart = async (call: Call): Promise<string> => {
    const {steps, files} = await composeSteps(call.steps, call.tier);
    const given = [...call.inputs, ...call.held];
    const kept = call.keeps.filter(name => !given.includes(name) && !call.outputs.includes(name));
    const content = {
      gateway: tiers[call.tier]!.machine,
      inputs: specsOf(given, types),
      outputs: specsOf([...call.outputs, ...kept], types),
      threads: request.gatewayThreads,
      steps,
      files,
    };
    const name = nameOfSegment(prepared.name, hexOfDigest(digestOfBytes(JSON.stringify(content))));
    const part: Part = {
      kind: 'edgewise/part',
      formatVersion: 1,
      madeBy: plan.madeBy,
      madeAt: plan.madeAt,
      madeFrom: {plan: planDigest, build: plan.build},
      name,
      ...content,
    };
    const text = new TextEncoder().encode(jsonFromDocument('part', part));
    const digest = await store.put([text]);
    const listed = [...files, {path: 'part.json', digest, sizeBytes: text.byteLength}];
    parts.push({name, files: listed.map(file => ({...file, source: store.pathOf(file.digest)}))});
    return name;
  };

  const {steps, files} = await composeSteps(nested, 0);
  return {steps, files, cloudModels, parts};
}

export async function cloudModelFrom(
  project: OpenProject,
  stem: string,
  model: Parameters<typeof writeSegment>[2],
): Promise<CloudModel> {
  const written = await writeSegment(project.store, 'model', model);
  const graph = written.files.find(file => file.path === written.graph);
  if (graph === undefined) throw new Error('a segment has no graph file');
  return {
    name: nameOfSegment(stem, hexOfDigest(graph.digest)),
    graph: written.graph,
    files: written.files,
  };
}
