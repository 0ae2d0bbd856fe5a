import type {Plan} from '../documents/plan.ts';
import type {ModelTimes, Profile} from '../documents/profile.ts';
import {hexOfDigest} from '../workspace/digest.ts';
import {estimateLayers, INTERVAL_SHARE, type EstimatedLayers} from '../estimate/estimateLayers.ts';
import {workOfLayers} from '../estimate/layerWork.ts';
import {
  readMeasuredLayers,
  rememberMeasuredLayers,
  type MeasuredLayers,
} from '../workspace/measuredLayers.ts';
import type {PreparedModel} from './prepareModel.ts';

/** Completes profiles by what was not measured, and remembers what it made up. */
export interface Estimates {
  /** The profile with estimated times of the model where it has none. @throws ExpectedError `too-little-measured` */
  complete(profile: Profile): Promise<Profile>;
  /** What a plan says of the estimates that it rests on. */
  describe(plan: Plan): Pick<Plan, 'estimated'>;
}

/** Keeps a machine's layer times, so that other models can be estimated on machines like it. */
export async function rememberLayerTimes(profile: Profile, prepared: PreparedModel): Promise<void> {
  const times = profile.models.find(({build}) => build === prepared.digest);
  if (times === undefined) return;
  const ms = new Map<string, number>();
  for (const layer of times.layers) ms.set(layer.name, (ms.get(layer.name) ?? 0) + layer.ms);
  await rememberMeasuredLayers(kindOfMachine(profile, times), {
    model: prepared.name,
    build: prepared.digest,
    machine: profile.machine.address,
    layers: workOfLayers(prepared.graph).map(work => ({...work, ms: ms.get(work.name) ?? 0})),
  });
}

/** Estimates of one model. Machines of one kind share what was learnt of them. */
export function startEstimates(prepared: PreparedModel): Estimates {
  const byKind = new Map<string, EstimatedLayers>();
  const byMachine = new Map<string, EstimatedLayers>();
  const work = workOfLayers(prepared.graph);
  return {
    async complete(profile) {
      const [known] = profile.models;
      if (known === undefined || profile.models.some(({build}) => build === prepared.digest)) return profile;
      const {name, address} = profile.machine;
      const records = alikeOnes(await readMeasuredLayers(kindOfMachine(profile, known)), address);
      const key = JSON.stringify(records.map(({build, machine}) => [build, machine]));
      const estimate =
        byKind.get(key) ?? estimateLayers(withNamesOfTheirOwn(onePerBuild(records, address)), work, name);
      byKind.set(key, estimate);
      byMachine.set(name, estimate);
      return {...profile, models: [...profile.models, timesFrom(prepared.digest, estimate, known)]};
    },
    describe({device, cloud, tiers, predicted}) {
      const {deviceMs, cloudMs} = predicted;
      const places = tiers?.map(({tier, machine}) => ({
        machine,
        ms: predicted.tiers?.find(each => each.tier === tier)?.ms ?? 0,
      })) ?? [
        {machine: device, ms: deviceMs},
        {machine: cloud ?? '', ms: cloudMs},
      ];
      const estimatedPlaces = places.flatMap(place => {
        const estimate = byMachine.get(place.machine);
        return estimate === undefined ? [] : [{...place, estimate}];
      });
      if (estimatedPlaces.length === 0) return {};
      const at = (side: 'lowFactor' | 'highFactor'): number =>
        estimatedPlaces.reduce((sum, {ms, estimate}) => sum + ms * (estimate[side] - 1), predicted.latencyMs);
      return {
        estimated: {
          share: INTERVAL_SHARE,
          latencyMs: {low: at('lowFactor'), high: at('highFactor')},
          machines: estimatedPlaces.map(({machine, estimate: {models, lowFactor, highFactor}}) => ({
            machine,
            models: [...models],
            lowFactor,
            highFactor,
          })),
        },
      };
    },
  };
}

/** What serving costs is taken from the model that was measured on the machine. */
function timesFrom(build: string, estimate: EstimatedLayers, known: ModelTimes): ModelTimes {
  const medianMs = estimate.layers.reduce((sum, {ms}) => sum + ms, 0);
  return {
    build,
    threads: known.threads,
    wholeRun: {
      medianMs,
      // Of a normal distribution 90 % lie within 1.645 deviations, half within 0.674.
      spreadMs: (medianMs * Math.log(estimate.highFactor) * 0.674) / 1.645,
      runs: estimate.models.length,
      obtained: 'estimated',
    },
    layers: [...estimate.layers],
    requestOverhead: {...known.requestOverhead, obtained: 'estimated'},
    sessionOverhead: {...known.sessionOverhead, obtained: 'estimated'},
  };
}

/** What has to be the same for layer times to be of one kind of machine; a cloud is known by its address alone. */
function kindOfMachine({machine, hardware, runtime}: Profile, {threads}: ModelTimes): string {
  const [major, minor] = runtime.onnxruntime.split('.');
  return JSON.stringify([
    `onnxruntime ${major}.${minor}`,
    threads,
    hardware === undefined
      ? machine.address
      : [hardware.architecture, hardware.cpuModel, hardware.cores, hardware.board?.model ?? null],
  ]);
}

/** As far as two machines that were measured with the same build may differ and still be one kind. */
const ALIKE_FACTOR = 1.25;

/** Leaves out machines that took another time than this one for a build that both were measured with. */
function alikeOnes(records: readonly MeasuredLayers[], address: string): MeasuredLayers[] {
  const wholeMs = ({layers}: MeasuredLayers): number => layers.reduce((sum, {ms}) => sum + ms, 0);
  const own = new Map(
    records.filter(({machine}) => machine === address).map(record => [record.build, wholeMs(record)]),
  );
  const unlike = new Set(
    records.flatMap(record => {
      const ownMs = own.get(record.build);
      const factor = ownMs === undefined ? 1 : wholeMs(record) / ownMs;
      return factor > ALIKE_FACTOR || factor < 1 / ALIKE_FACTOR ? [record.machine] : [];
    }),
  );
  return records.filter(({machine}) => !unlike.has(machine));
}

/** The machine's own measurement where there is one: the same model twice would predict itself. */
function onePerBuild(records: readonly MeasuredLayers[], address: string): MeasuredLayers[] {
  const kept = new Map<string, MeasuredLayers>();
  for (const record of records)
    if (!kept.has(record.build) || record.machine === address) kept.set(record.build, record);
  return [...kept.values()];
}

/** Projects may have models of the same name: their builds tell them apart. */
function withNamesOfTheirOwn(records: readonly MeasuredLayers[]): MeasuredLayers[] {
  const counts = new Map<string, number>();
  for (const {model} of records) counts.set(model, (counts.get(model) ?? 0) + 1);
  return records.map(record => ({
    ...record,
    model:
      (counts.get(record.model) ?? 0) > 1
        ? `${record.model}@${hexOfDigest(record.build).slice(0, 8)}`
        : record.model,
  }));
}
