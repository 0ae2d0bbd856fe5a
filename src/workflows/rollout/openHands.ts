import type {Rollout} from '../../documents/rollout.ts';
import type {EmitEvent} from '../../events.ts';
import {collectRuntimeFiles, type RuntimeFiles} from '../../workspace/runtimeFiles.ts';
import {stateOfRollout} from '../../rollout/rolloutState.ts';
import {withDevice, type ConnectOptions} from '../connectDevice.ts';
import type {DeployOptions} from '../deploy/deployRelease.ts';
import type {OpenFleet} from '../openProject.ts';
import {bringCloudModels, otherMachinesOf} from '../release/otherMachines.ts';
import {runtimeArchitectureOf} from '../runtimeArchitecture.ts';
import {withReleaseSources} from '../withReleaseSources.ts';
import type {DeviceHands} from './deviceHands.ts';
import type {SeenDevice} from './lookAtFleet.ts';
import type {RolloutTarget} from './rolloutTargets.ts';
import type {WithMachine} from './heldSession.ts';
import {openSshHands} from './sshHands.ts';

const DEFAULT_RETENTION = 3;

/** Everything that the devices of a rollout share, made once: the model, its golden answers, the key, the runtimes. */
export async function withHands<T>(
  project: OpenFleet,
  targets: readonly RolloutTarget[],
  rollout: Rollout,
  {
    connect,
    options,
    lockPatienceMs,
    seen,
  }: {
    readonly connect: ConnectOptions;
    readonly options: DeployOptions;
    readonly lockPatienceMs?: number;
    readonly seen: ReadonlyMap<string, SeenDevice>;
  },
  emit: EmitEvent,
  work: (hands: ReadonlyMap<string, DeviceHands>) => Promise<T>,
): Promise<T> {
  const {id, policy, devices} = rollout;
  const approvedWaves = [...stateOfRollout(rollout).approvedWaves];
  const wanted = targets.map(({device, plan, written, planText}) => ({
    device,
    plan,
    written,
    text: planText,
  }));
  return withReleaseSources(project, wanted, emit, async sources => {
    const keys = await Promise.all([...sources.values()].map(({signer}) => signer()));
    const keyOf = new Map([...sources.keys()].map((name, at) => [name, keys[at]!]));
    const runtimes = new Map<string, Promise<RuntimeFiles>>();
    const runtimeOf = (architecture: string): Promise<RuntimeFiles> => {
      const name = runtimeArchitectureOf(architecture);
      const known = runtimes.get(name) ?? collectRuntimeFiles(name);
      runtimes.set(name, known);
      return known;
    };
    const hands = targets.map(({device, plan}) => {
      const source = sources.get(device.name)!;
      const withMachine: WithMachine = use => withDevice(project, device, connect, use);
      const truth = seen.get(device.name)?.truth ?? null;
      const opened = openSshHands({
        device: device.name,
        rollout: id,
        wave: devices.find(each => each.device === device.name)?.wave ?? 1,
        approvedWaves,
        ...(truth === null ? {} : {knownRollout: truth.rollout?.rollout ?? null}),
        withMachine,
        options: {service: device.service ?? 'auto', ...options},
        ...(lockPatienceMs === undefined ? {} : {lockPatienceMs}),
        async prepare(_machine, {architecture}) {
          const runtime = await runtimeOf(architecture);
          const others = otherMachinesOf(project, device, connect);
          const composed = await source.compose({runtimeDigest: runtime.digest, ...others});
          await bringCloudModels(project, composed, emit);
          await others.bringParts(composed, emit);
          const {samples, tolerance} = await source.golden();
          return {
            store: project.store,
            composed,
            runtime,
            key: keyOf.get(device.name)!,
            golden: samples,
            tolerance,
            predictedMs: plan.predicted.latencyMs,
            gates: policy.gates,
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
