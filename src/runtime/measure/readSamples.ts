import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {NamedTensors, TensorSpec} from '../../documents/tensor.ts';

/** Where the bytes of an input of a sample lie; both count from 0, inputs as the model has them. */
export function sampleFile(sample: number, input: number): string {
  return `${sample}.${input}.bin`;
}

/** The samples of a folder, in order; `undefined` values are never in it, because whoever wrote it wrote all inputs. */
export async function readSamples(folder: string, specs: readonly TensorSpec[]): Promise<NamedTensors[]> {
  const count = (await readdir(folder)).filter(name => name.endsWith('.0.bin')).length;
  const samples: NamedTensors[] = [];
  for (let sample = 0; sample < count; sample++) {
    const entries = specs.map(async ({name, elementType, shape}, input) => {
      const bytes = new Uint8Array(await readFile(join(folder, sampleFile(sample, input))));
      return [name, {elementType, shape: [...shape], bytes}] as const;
    });
    samples.push(Object.fromEntries(await Promise.all(entries)));
  }
  return samples;
}
