import {execFile} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {SHARED_MODELS} from '../../test/integration/sharedModels.ts';
import {besideThis} from './quantizer.ts';

/** A model with its samples, as prepareData.py writes them. */
export interface Subject {
  readonly name: string;
  readonly model: string;
  /** With calibration.npy, evaluation.npy and, where there are some, labels.npy. */
  readonly folder: string;
  /** `conv`: +3 dB is asked; `other`: no loss; `topology`: seeded weights, for time and size only. */
  readonly kind: 'conv' | 'other' | 'topology';
  readonly isLabelled: boolean;
}

export function calibrationOf({folder}: Subject): string {
  return join(folder, 'calibration.npy');
}

/** The models of ../shared/models and their samples, made in `folder` unless they lie there already. */
export async function prepareSubjects(python: string, folder: string): Promise<readonly Subject[]> {
  const table = join(folder, 'models.json');
  if (!existsSync(table)) {
    if (!existsSync(SHARED_MODELS)) throw new Error(`the shared models are missing: ${SHARED_MODELS}`);
    mkdirSync(folder, {recursive: true});
    await promisify(execFile)(python, [besideThis('prepareData.py'), SHARED_MODELS, folder]);
  }
  return JSON.parse(readFileSync(table, 'utf8')) as Subject[];
}
