import type {Machine} from '../../device/machine.ts';
import type {CodecCost, MeasuredMs} from '../../documents/profile.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import {CODEC_VALUES, codecModels, type CodecModel} from '../../quantize/boundary/codecModels.ts';
import type {ProtocolClient} from '../../runtime/client.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import type {Store} from '../../workspace/store.ts';
import {loadCloudModel} from '../loadCloudModel.ts';
import type {OpenProject} from '../openProject.ts';
import {ship} from '../deploy/shipFiles.ts';
import {requireSuccess, runScript} from '../deploy/runOnDevice.ts';
import {writeSegment} from '../writeSegment.ts';

/** Of each, at most. */
const MOST_RUNS = 12;
const WARM_UPS = 2;
const TIMEOUT_MS = 600_000;

export interface DeviceRuntime {
  readonly store: Store;
  /** Of the user on the device. */
  readonly home: string;
  /** Digest of the runtime there, which must have been shipped. */
  readonly runtimeHex: string;
  readonly threads: number;
}

/** What encoding a value that goes up costs on the device. The device must be locked. */
export async function measureEncoding(
  machine: Machine,
  {store, home, runtimeHex, threads}: DeviceRuntime,
  runs: number,
  emit: EmitEvent,
): Promise<CodecCost[]> {
  const models = codecModels('encode');
  const files = [];
  for (const {name, model} of models) files.push(...(await writeSegment(store, name, model)).files);
  const work = `work/encode-${runtimeHex.slice(0, 16)}`;
  try {
    const sources = files.map(file => ({...file, source: store.pathOf(file.digest)}));
    await ship(machine, work, sources, 'encoders', emit);
    const folder = `${home}/.edgewise`;
    const argv = [
      `${folder}/runtime/${runtimeHex}/bin/node`,
      `${folder}/runtime/${runtimeHex}/edgewise.mjs`,
      'time-models',
      ...['--models', models.map(({name}) => `${folder}/${work}/${name}.onnx`).join(',')],
      ...[
        '--runs',
        String(Math.min(runs, MOST_RUNS)),
        '--warm-ups',
        String(WARM_UPS),
        '--threads',
        String(threads),
      ],
    ];
    return await runStepOn(
      emit,
      machine.name,
      'encoding',
      'measure what encoding a cut costs',
      async () => {
        const result = requireSuccess(machine, await machine.run(argv, {timeoutMs: TIMEOUT_MS}));
        const timed = JSON.parse(result.stdout) as {readonly run: MeasuredMs}[];
        return costsFrom(
          models,
          timed.map(({run}) => run),
        );
      },
      describeCosts,
    );
  } finally {
    await runScript(machine, ['rm', '-rf', `${home}/.edgewise/${work}`]).catch(() => {});
  }
}

/** What decoding a value costs in the cloud, which may be any that `edgewise profile` can measure. */
export async function measureDecoding(
  client: ProtocolClient,
  project: OpenProject,
  runs: number,
): Promise<CodecCost[]> {
  const models = codecModels('decode');
  const times: MeasuredMs[] = [];
  for (const {name, model} of models) {
    const segment = await writeSegment(project.store, `decode-${name}`, model);
    const graph = segment.files.find(({path}) => path === segment.graph);
    const cloudName = `edgewise-decode-${name}-${hexOfDigest(graph?.digest ?? '').slice(0, 12)}`;
    await loadCloudModel(client, project, {name: cloudName, ...segment});
    const {wholeRun} = await client.profileModel(cloudName, {
      runs: Math.min(runs, MOST_RUNS),
      warmUps: WARM_UPS,
    });
    times.push(wholeRun);
    await client.unloadModel(cloudName);
  }
  return costsFrom(models, times);
}

function costsFrom(models: readonly CodecModel[], times: readonly MeasuredMs[]): CodecCost[] {
  const plainMs = times[0]?.medianMs ?? NaN;
  return models.flatMap(({name}, at): CodecCost[] => {
    const run = times[at];
    if (name === 'plain' || run === undefined) return [];
    const nsPerValue = Math.max(0, ((run.medianMs - plainMs) * 1e6) / CODEC_VALUES);
    return [{precision: name, nsPerValue, runs: run.runs, obtained: 'measured'}];
  });
}

function describeCosts(costs: readonly CodecCost[]): {detail: string} {
  const texts = costs.map(({precision, nsPerValue}) => `${precision} ${nsPerValue.toFixed(2)} ns`);
  return {detail: `${texts.join(', ')} a value`};
}
