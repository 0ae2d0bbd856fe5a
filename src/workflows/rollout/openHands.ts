import type {Rollout} from '../../documents/rollout.ts';
import type {EmitEvent} from '../../events.ts';
import {collectRuntimeFiles, type RuntimeFiles} from '../../workspace/runtimeFiles.ts';
import {composeRelease} from '../composeRelease.ts';
import {withDevice, type ConnectOptions} from '../connectDevice.ts';
import type {DeployOptions} from '../deploy/deployRelease.ts';
import {goldenSamples} from '../deploy/goldenSamples.ts';
import type {OpenProject} from '../openProject.ts';
import {requireFreshPlan} from '../planFreshness.ts';
import {withPreparedModel} from '../prepareModel.ts';
import {bringCloudModels, otherMachinesOf} from '../release/otherMachines.ts';
import {runtimeArchitectureOf} from '../runtimeArchitecture.ts';
import {requireSigningKey} from '../signingKeys.ts';
import type {DeviceHands} from './deviceHands.ts';
import type {RolloutTarget} from './rolloutTargets.ts';
import {openSshHands, type WithMachine} from './sshHands.ts';

const DEFAULT_RETENTION = 3;

/** Everything that the devices of a rollout share, made once: the model, its golden answers, the key, the runtimes. */
export async function withHands<T>(
  project: OpenProject,
  targets: readonly RolloutTarget[],
  {id, policy, devices}: Rollout,
  {
    connect,
    options,
    lockPatienceMs,
  }: {readonly connect: ConnectOptions; readonly options: DeployOptions; readonly lockPatienceMs?: number},
  emit: EmitEvent,
  work: (hands: ReadonlyMap<string, DeviceHands>) => Promise<T>,
): Promise<T> {
  const key = await requireSigningKey(emit);
  return withPreparedModel(project, emit, async prepared => {
    const plans = new Map(targets.map(({written, planDigest}) => [planDigest, written]));
    for (const plan of plans.values()) await requireFreshPlan(project, plan, prepared);
    const golden = new Map<string, Awaited<ReturnType<typeof goldenSamples>>>();
    for (const [digest, written] of plans)
      golden.set(digest, await goldenSamples(project, prepared, written));
    const runtimes = new Map<string, Promise<RuntimeFiles>>();
    const runtimeOf = (architecture: string): Promise<RuntimeFiles> => {
      const name = runtimeArchitectureOf(architecture);
      const known = runtimes.get(name) ?? collectRuntimeFiles(name);
      runtimes.set(name, known);
      return known;
    };
    const hands = targets.map(({device, plan, planText, planDigest}) => {
      const {samples, tolerance} = golden.get(planDigest)!;
      const withMachine: WithMachine = use => withDevice(project, device, connect, use);
      const opened = openSshHands({
        device: device.name,
        rollout: id,
        wave: devices.find(each => each.device === device.name)?.wave ?? 1,
        withMachine,
        options,
        ...(lockPatienceMs === undefined ? {} : {lockPatienceMs}),
        async prepare(_machine, {architecture}) {
          const runtime = await runtimeOf(architecture);
          const others = otherMachinesOf(project, device, connect);
          const machines = {runtimeDigest: runtime.digest, ...others};
          const composed = await composeRelease(project, device, plan, planText, prepared, machines);
          await bringCloudModels(project, composed, emit);
          await others.bringParts(composed, emit);
          return {
            store: project.store,
            composed,
            runtime,
            key,
            golden: samples,
            tolerance,
            predictedMs: plan.predicted.latencyMs,
            keepCount: project.project.retention ?? DEFAULT_RETENTION,
            withNewConnection: withMachine,
            confirmWithinMs: policy.confirmWithinMs,
          };
        },
      });
      return [device.name, opened] as const;
    });
    return work(new Map(hands));
  });
}
