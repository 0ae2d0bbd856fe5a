import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {NamedTensors} from '../documents/tensor.ts';
import {MODEL_FILE} from '../targets/compilers/compilerJob.ts';
import {RKNN_DATASET, RKNN_SCRIPT, rknnDataset} from '../targets/compilers/rknn.ts';
import type {CompilerName} from '../targets/target.ts';
import {writeNpy} from '../workspace/npy.ts';
import type {CompilerInput} from './runCompiler.ts';

/** Samples for a compiler that quantises by itself. */
export interface CalibrationSamples {
  readonly count: number;
  readonly read: (index: number) => Promise<NamedTensors>;
}

/**
 * The files that a vendor's compiler reads: the model, and for RKNN its script and the calibration samples, which are
 * written to `folder`.
 * @param inputNames of the model, in its order
 */
export async function writeCompilerInputs(
  compiler: CompilerName,
  modelPath: string,
  inputNames: readonly string[],
  samples: CalibrationSamples | null,
  folder: string,
): Promise<CompilerInput[]> {
  const model = {name: MODEL_FILE, path: modelPath};
  if (compiler !== 'rknn') return [model];
  const script = fileURLToPath(new URL('../../templates/rknn/compile.py', import.meta.url));
  const inputs: CompilerInput[] = [model, {name: RKNN_SCRIPT, path: script}];
  if (samples === null) return inputs;
  const lines: string[][] = [];
  for (let index = 0; index < samples.count; index += 1) {
    const values = await samples.read(index);
    const files = inputNames.map((_, place) => `sample-${index}-${place}.npy`);
    for (const [place, name] of files.entries()) {
      const value = values[inputNames[place] ?? ''];
      if (value === undefined) throw new RangeError(`sample ${index} has no input "${inputNames[place]}"`);
      const path = join(folder, name);
      await writeNpy(path, value);
      inputs.push({name, path});
    }
    lines.push(files);
  }
  const dataset = join(folder, RKNN_DATASET);
  await writeFile(dataset, rknnDataset(lines));
  return [...inputs, {name: RKNN_DATASET, path: dataset}];
}
