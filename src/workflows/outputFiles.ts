import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import type {NamedTensors, Tensor} from '../documents/tensor.ts';
import {writeNpy} from '../workspace/npy.ts';

export function outputFileName(output: string): string {
  return `${output.replaceAll(/[^A-Za-z0-9._-]/g, '_')}.npy`;
}

/** Answers of several requests, one after the other along the first axis. */
export function joinOutputs(answers: readonly NamedTensors[]): Record<string, Tensor> {
  const joined: Record<string, Tensor> = {};
  for (const name of Object.keys(answers[0] ?? {})) {
    const parts = answers.flatMap(answer => answer[name] ?? []);
    const [first] = parts;
    if (first === undefined) continue;
    const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 1), 0);
    joined[name] = {
      elementType: first.elementType,
      shape: [rows, ...first.shape.slice(1)],
      bytes: Buffer.concat(parts.map(part => part.bytes)),
    };
  }
  return joined;
}

/** One .npy file per output; none without a folder. */
export async function writeOutputs(
  folder: string | undefined,
  outputs: Record<string, Tensor>,
): Promise<string[]> {
  if (folder === undefined) return [];
  await mkdir(folder, {recursive: true});
  const files: string[] = [];
  for (const [name, tensor] of Object.entries(outputs)) {
    const file = join(folder, outputFileName(name));
    await writeNpy(file, tensor);
    files.push(file);
  }
  return files;
}
