import type {Machine} from '../../device/machine.ts';
import type {Build} from '../../documents/build.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import type {Store} from '../../workspace/store.ts';
import {requireSuccess, runScript} from '../deploy/runOnDevice.ts';
import {ship} from '../deploy/shipFiles.ts';
import type {MeasuredModel} from '../measuredModel.ts';
import type {SegmentFiles} from '../writeSegment.ts';

const MEASURE_TIMEOUT_MS = 1_800_000;

/** Has a device or a gateway time a build with the runtime that it will serve with. The files are taken away again. */
export async function measureOverSsh(
  place: {
    readonly store: Store;
    readonly machine: Machine;
    readonly home: string;
    readonly runtimeHex: string;
    readonly threads: number;
    readonly runs: number;
  },
  {artefact, precision}: Pick<Build, 'artefact' | 'precision'>,
  segment: SegmentFiles,
  emit: EmitEvent,
): Promise<MeasuredModel> {
  const {store, machine, home, runtimeHex, threads, runs} = place;
  const work = `work/${hexOfDigest(artefact.digest).slice(0, 16)}`;
  const files = segment.files.map(file => ({...file, source: store.pathOf(file.digest)}));
  await ship(machine, work, files, `${precision} build`, emit);
  const folder = `${home}/.edgewise`;
  const argv = [
    `${folder}/runtime/${runtimeHex}/bin/node`,
    `${folder}/runtime/${runtimeHex}/edgewise.mjs`,
    'profile',
    ...['--model', `${folder}/${work}/${segment.graph}`],
    ...['--runs', String(runs), '--warm-ups', String(Math.ceil(runs / 4)), '--threads', String(threads)],
  ];
  try {
    return await runStepOn(
      emit,
      machine.name,
      `measure-${precision}`,
      `measure the ${precision} build`,
      async () => {
        const result = requireSuccess(machine, await machine.run(argv, {timeoutMs: MEASURE_TIMEOUT_MS}));
        return JSON.parse(result.stdout) as MeasuredModel;
      },
      ({wholeRun}) => ({detail: `${wholeRun.medianMs.toFixed(2)} ms a run`}),
    );
  } finally {
    await runScript(machine, ['rm', '-rf', `${folder}/${work}`]).catch(() => {});
  }
}
