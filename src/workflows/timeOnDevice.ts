import type {Machine} from '../device/machine.ts';
import {probeHardware} from '../device/probeHardware.ts';
import type {MeasuredMs} from '../documents/profile.ts';
import {runStepOn, type EmitEvent} from '../events.ts';
import {digestOfFile, hexOfDigest} from '../workspace/digest.ts';
import {collectRuntimeFiles} from '../workspace/runtimeFiles.ts';
import {withDeviceLock} from './deploy/deviceLock.ts';
import {readDeviceTruth} from './deploy/readDeviceTruth.ts';
import {runtimeArchitectureOf} from './runtimeArchitecture.ts';
import {ship} from './deploy/shipFiles.ts';
import {requireSuccess, runScript} from './deploy/runOnDevice.ts';
import {stat} from 'node:fs/promises';

const MEASURE_TIMEOUT_MS = 1_800_000;
const RUNS = 50;
const WARM_UPS = 5;

/** A model to be timed: one file, or one with external weights beside it. */
export interface TimedFile {
  readonly name: string;
  readonly path: string;
}

export interface DeviceTime {
  readonly name: string;
  readonly run: MeasuredMs;
  /** To the first file's time, round by round. */
  readonly ratioToFirst: number;
}

/**
 * Times model files against each other on the device itself, with the runtime it will serve with and all of its cores.
 * The files are taken away again.
 * @throws ExpectedError `device-unreachable`, `device-locked`, `disk-full`, `device-command-failed` …
 */
export async function timeOnDevice(
  machine: Machine,
  files: readonly TimedFile[],
  emit: EmitEvent,
): Promise<DeviceTime[]> {
  const hardware = await probeHardware(machine);
  const runtime = await collectRuntimeFiles(runtimeArchitectureOf(hardware.architecture));
  const runtimeHex = hexOfDigest(runtime.digest);
  const {home} = await readDeviceTruth(machine);
  const shipped = await Promise.all(
    files.map(async ({name, path}) => ({
      path: `${name}.onnx`,
      source: path,
      digest: await digestOfFile(path),
      sizeBytes: (await stat(path)).size,
    })),
  );
  const work = `work/time-${hexOfDigest(shipped[0]?.digest ?? runtime.digest).slice(0, 16)}`;
  const folder = `${home}/.edgewise`;
  return withDeviceLock(machine, async () => {
    await ship(machine, `runtime/${runtimeHex}`, runtime.files, 'runtime', emit);
    try {
      await ship(machine, work, shipped, 'builds', emit);
      const argv = [
        `${folder}/runtime/${runtimeHex}/bin/node`,
        `${folder}/runtime/${runtimeHex}/edgewise.mjs`,
        'time-models',
        ...['--models', shipped.map(({path}) => `${folder}/${work}/${path}`).join(',')],
        ...['--runs', String(RUNS), '--warm-ups', String(WARM_UPS), '--threads', String(hardware.cores)],
      ];
      return await runStepOn(
        emit,
        machine.name,
        'time',
        `time ${files.length} builds against each other`,
        async () => {
          const result = requireSuccess(machine, await machine.run(argv, {timeoutMs: MEASURE_TIMEOUT_MS}));
          const timed = JSON.parse(result.stdout) as {run: MeasuredMs; ratioToFirst: number}[];
          return timed.map(({run, ratioToFirst}, index) => ({
            name: files[index]?.name ?? '',
            run,
            ratioToFirst,
          }));
        },
        times => ({
          detail: times.map(({name, run}) => `${name} ${run.medianMs.toFixed(2)} ms`).join(', '),
        }),
      );
    } finally {
      await runScript(machine, ['rm', '-rf', `${folder}/${work}`]).catch(() => {});
    }
  });
}
