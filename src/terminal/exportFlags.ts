import {string as stringArgument} from '@oclif/core/args';
import {integer, string as stringFlag} from '@oclif/core/flags';
import type {ExportedCloud} from '../documents/exportedCloud.ts';
import {projectFlags} from './baseCommand.ts';
import {wrapText} from './formatTable.ts';

export const exportArgs = {plan: stringArgument({description: 'plan file', required: true})};

/** Flags of every engine. */
export const exportFlags = {
  ...projectFlags,
  output: stringFlag({
    char: 'o',
    description: 'folder to write into',
    default: 'cloud',
    helpValue: 'DIR',
  }),
  instances: integer({description: 'how many requests are computed at once', default: 1, min: 1}),
  threads: integer({description: 'threads of one instance', default: 1, min: 1}),
};

export function exportRequestFrom(
  planFile: string,
  flags: {project: string; output: string; instances: number; threads: number},
) {
  const {project: projectPath, output: folder, instances, threads} = flags;
  return {projectPath, planFile, folder, instances, threads};
}

/** What was written, and the command that serves it. */
export function textFromExport({models, folder, files}: ExportedCloud, next: string, width?: number): string {
  const what = wrapText(`${models.join(', ')}: ${files.length} files written to ${folder}`, width);
  return `${what}\n\n${next}`;
}
