import type {Machine} from '../../device/machine.ts';
import type {Build} from '../../documents/build.ts';
import type {ModelTimes} from '../../documents/profile.ts';
import {runStep, type EmitEvent} from '../../events.ts';
import {graphFromModel} from '../../model/graphFromModel.ts';
import {timesInModel} from '../../model/timesInModel.ts';
import {hexOfDigest} from '../../workspace/digest.ts';
import {requireSuccess, runScript} from '../deploy/runOnDevice.ts';
import {ship} from '../deploy/shipFiles.ts';
import {modelTimesFrom, type MeasuredModel} from '../measuredModel.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {writeSegment} from '../writeSegment.ts';
import {openDeviceBuild} from './openDeviceBuild.ts';
import {withOptimizedModel} from './withOptimizedModel.ts';

const MEASURE_TIMEOUT_MS = 1_800_000;

/**
 * How long each of the model's layers takes in a build of lower precision, as it would be served. What a request costs besides is
 * the same whatever the precision, so it is taken from the fp32 build's times, and so is how much longer layers take in a request.
 */
export async function profileDeviceBuild(
  {
    project,
    prepared,
    machine,
    home,
    runtimeHex,
    threads,
    runs,
  }: {
    readonly project: OpenProject;
    readonly prepared: PreparedModel;
    readonly machine: Machine;
    readonly home: string;
    readonly runtimeHex: string;
    readonly threads: number;
    readonly runs: number;
  },
  {artefact, precision}: Build,
  base: ModelTimes,
  emit: EmitEvent,
): Promise<ModelTimes> {
  const build = await openDeviceBuild(project, prepared, artefact.digest);
  try {
    return await withOptimizedModel(project, build.graph.model, async optimized => {
      const segment = await writeSegment(project.store, 'model', optimized);
      const work = `work/${hexOfDigest(artefact.digest).slice(0, 16)}`;
      const files = segment.files.map(file => ({...file, source: project.store.pathOf(file.digest)}));
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
        const measured = await runStep(
          emit,
          `${machine.name}/measure-${precision}`,
          `${machine.name}: measure the ${precision} build`,
          async () => {
            const result = requireSuccess(machine, await machine.run(argv, {timeoutMs: MEASURE_TIMEOUT_MS}));
            return JSON.parse(result.stdout) as MeasuredModel;
          },
          ({wholeRun}) => ({detail: `${wholeRun.medianMs.toFixed(2)} ms a run`}),
        );
        const inRequest = sumOf(base.layers) / base.wholeRun.medianMs;
        const share = (measured.wholeRun.medianMs * inRequest) / sumOf(measured.layers);
        const timed = measured.layers.map(layer => ({...layer, ms: layer.ms * share}));
        return {
          ...modelTimesFrom(artefact.digest, measured),
          lowered: {of: prepared.digest, precision},
          layers: timesInModel(prepared.graph, graphFromModel(optimized), build.homes, timed),
          requestOverhead: base.requestOverhead,
          sessionOverhead: base.sessionOverhead,
          ...(base.sustained === undefined ? {} : {sustained: base.sustained}),
        };
      } finally {
        await runScript(machine, ['rm', '-rf', `${folder}/${work}`]).catch(() => {});
      }
    });
  } finally {
    build.close();
  }
}

function sumOf(layers: readonly {readonly ms: number}[]): number {
  return layers.reduce((sum, {ms}) => sum + ms, 0);
}
