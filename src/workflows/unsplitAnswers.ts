import {basename} from 'node:path';
import type {Tensor} from '../documents/tensor.ts';
import {openSession} from '../engine/session.ts';
import {ignoreEvents} from '../events.ts';
import {largestDifference} from '../quantize/accuracy/largestDifference.ts';
import {readNpy} from '../workspace/npy.ts';
import {joinOutputs, outputFileName} from './outputFiles.ts';
import {openProject} from './openProject.ts';
import {withPreparedModel} from './prepareModel.ts';
import {requireEvaluationData} from './projectData.ts';

/** The evaluation set's answers of the model in one piece, on this machine. */
export interface UnsplitAnswers {
  /** Of the model as it was given. */
  readonly original: Readonly<Record<string, Tensor>>;
  /** Of the build that was cut. */
  readonly build: Readonly<Record<string, Tensor>>;
}

export async function runUnsplit(projectPath: string): Promise<UnsplitAnswers> {
  const project = await openProject(projectPath);
  return withPreparedModel(project, ignoreEvents, async prepared => {
    const answersOf = async (path: string): Promise<Record<string, Tensor>> => {
      const samples = await requireEvaluationData(project, prepared.inputs);
      const session = await openSession({path}, {optimization: 'disabled', threads: 1});
      try {
        const answers = [];
        for (let index = 0; index < samples.requestCount; index++) {
          answers.push((await session.run(await samples.readRequest(index))).outputs);
        }
        return joinOutputs(answers);
      } finally {
        await session.close();
        await samples.close();
      }
    };
    return {
      original: await answersOf(project.modelFile),
      build: await answersOf(project.store.pathOf(prepared.digest)),
    };
  });
}

/** Holds a deployed placement's answers (.npy files named by output) against the unsplit model's. */
export async function compareAnswers(
  unsplit: UnsplitAnswers,
  files: readonly string[],
): Promise<{identicalSamples: number; maxAbsoluteDifference: number}> {
  const answers = new Map(
    await Promise.all(files.map(async file => [basename(file), await readNpy(file)] as const)),
  );
  let maxAbsoluteDifference = 0;
  let isIdentical: boolean[] | null = null;
  for (const [name, expected] of Object.entries(unsplit.original)) {
    const answer = answers.get(outputFileName(name));
    maxAbsoluteDifference = Math.max(maxAbsoluteDifference, largestDifference(expected, answer));
    const rows = rowsEqual(unsplit.build[name], answer);
    isIdentical = isIdentical === null ? rows : isIdentical.map((same, row) => same && rows[row] === true);
  }
  return {identicalSamples: (isIdentical ?? []).filter(Boolean).length, maxAbsoluteDifference};
}

/** Per row of the first axis, whether every byte is the same. */
function rowsEqual(one: Tensor | undefined, other: Tensor | undefined): boolean[] {
  const rows = one?.shape[0] ?? 0;
  if (one === undefined || other === undefined || one.bytes.length !== other.bytes.length) {
    return new Array<boolean>(rows).fill(false);
  }
  const rowBytes = one.bytes.length / rows;
  return Array.from({length: rows}, (_, row) => {
    const [first, last] = [row * rowBytes, (row + 1) * rowBytes];
    return Buffer.compare(one.bytes.subarray(first, last), other.bytes.subarray(first, last)) === 0;
  });
}
