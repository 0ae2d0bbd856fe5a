import {existsSync} from 'node:fs';
import {join} from 'node:path';

/** Where the models for tests are: not part of this repository. */
export const SHARED_MODELS =
  process.env['EDGEWISE_SHARED_MODELS'] ?? join(import.meta.dirname, '../../../shared/models');

export const hasSharedModels = existsSync(SHARED_MODELS);

/** Says once why tests are skipped; returns whether they can run. */
export function explainSharedModels(suite: string): boolean {
  if (!hasSharedModels) {
    console.warn(
      `${suite}: skipped, because ${SHARED_MODELS} is not there; EDGEWISE_SHARED_MODELS names another folder.`,
    );
  }
  return hasSharedModels;
}
