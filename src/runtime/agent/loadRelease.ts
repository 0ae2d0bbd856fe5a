import {readFile, realpath, stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {DeployedFile} from '../../documents/deployedSteps.ts';
import {releaseSchema, type Release} from '../../documents/release.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import type {ServedModel} from '../server/servedModels.ts';
import type {CutStatistics} from '../../documents/agentStatistics.ts';
import {openMovingModel} from './cuts/openMovingModel.ts';
import {openSteps} from './openSteps.ts';
import {stepsOfParts, stepsOfRelease} from './stepsOfRelease.ts';

export interface LoadedRelease {
  readonly release: Release;
  readonly model: ServedModel;
  /** Only of releases that carry several cuts. */
  readonly readCuts?: () => CutStatistics;
  /** Waits for the requests under way. */
  close(): Promise<void>;
}

/** @throws ExpectedError `no-release`, `invalid-release` */
export async function readCurrentRelease(home: string): Promise<{release: Release; folder: string}> {
  const link = join(home, 'current');
  // Resolved once: `current` may be switched while the files are being read.
  const folder = await realpath(link).catch((error: unknown) => {
    throw noRelease(link, error);
  });
  return {release: await readRelease(folder), folder};
}

/** @throws ExpectedError `no-release`, `invalid-release` */
export async function readRelease(folder: string): Promise<Release> {
  const text = await readFile(join(folder, 'release.json'), 'utf8').catch((error: unknown) => {
    throw noRelease(folder, error);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ExpectedError(
      'invalid-release',
      `${folder}/release.json is not JSON: ${messageOf(error)}.`,
      EXIT.invalidDocument,
    );
  }
  const parsed = releaseSchema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues
      .map(({path, message}) => `${path.join('.') || 'the document'}: ${message}`)
      .join('; ');
    throw new ExpectedError(
      'invalid-release',
      `${folder}/release.json is not valid: ${problems}.`,
      EXIT.invalidDocument,
    );
  }
  return parsed.data;
}

function noRelease(place: string, cause: unknown): ExpectedError {
  const message = `There is no release at ${place}: ${messageOf(cause)}.`;
  return new ExpectedError('no-release', message, EXIT.invalidDocument, {cause});
}

/**
 * Opens what the release runs here, and runs it once on seeded inputs, so that the first request finds it warm.
 * @throws ExpectedError `release-damaged` and everything that openSession throws
 */
export async function loadRelease(
  release: Release,
  folder: string,
  {deadlineMs, report = () => {}}: {readonly deadlineMs: number; readonly report?: (line: string) => void},
): Promise<LoadedRelease> {
  await checkFiles(release.files, folder);
  const model = {...release.model, tier: 'device'} as const;
  const options = {folder, threads: release.threads, deadlineMs, report};
  const {fallback, cuts} = release;
  if (cuts === undefined) {
    const opened = await openSteps({...model, steps: stepsOfRelease(release), fallback}, options);
    return {release, ...opened};
  }
  const moving = await openMovingModel(cuts, {
    open: cut => openSteps({...model, steps: stepsOfParts(cut), fallback: cut.fallback}, options),
    deadlineMs,
    report,
  });
  return {release, ...moving, readCuts: moving.readStatistics};
}

/** The digests were checked when the files arrived; here only what a full disk or a hand leaves behind. */
export async function checkFiles(files: readonly DeployedFile[], folder: string): Promise<void> {
  for (const {path, sizeBytes} of files) {
    const size = await stat(join(folder, path)).then(
      stats => stats.size,
      () => null,
    );
    if (size === sizeBytes) continue;
    const found = size === null ? 'is missing' : `has ${size} bytes instead of ${sizeBytes}`;
    throw new ExpectedError('release-damaged', `${join(folder, path)} ${found}.`, EXIT.invalidDocument, {
      hints: ['Push the plan again with edgewise push'],
    });
  }
}
