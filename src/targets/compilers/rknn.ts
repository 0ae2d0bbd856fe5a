import {COMPILE_TIMEOUT_MS, MODEL_FILE, NO_MEASUREMENT, type CompilerJob, type Tool} from './compilerJob.ts';

/** RKNN-Toolkit2 has no program of its own: a Python that has the library runs templates/rknn/compile.py. */
export const RKNN_TOOLKIT: Tool = {
  name: 'rknn-toolkit2',
  programs: ['python3'],
  probe: [
    '-c',
    'import importlib.metadata as m; import rknn.api; print("rknn-toolkit2", m.version("rknn-toolkit2"))',
  ],
  parseVersion: output => /rknn-toolkit2 (\d+\.\d+\.\d+)/.exec(output)?.[1],
  hints: [
    'python3 -m venv rknn && rknn/bin/pip install rknn-toolkit2 (Python 3.8 to 3.12, Linux)',
    'export PATH="$PWD/rknn/bin:$PATH"',
  ],
};

/** Names in the work folder, besides the model's. */
export const RKNN_SCRIPT = 'compile.py';
export const RKNN_DATASET = 'dataset.txt';

export interface RknnOptions {
  /** As the toolkit calls the chip: `rk3588`. */
  readonly platform: string;
  /** Without it the model is compiled in half precision. */
  readonly isQuantized: boolean;
}

/** @see https://github.com/airockchip/rknn-toolkit2, RKNN-Toolkit2 API Reference 2.3.2 */
export function rknnJob({platform, isQuantized}: RknnOptions): CompilerJob {
  return {
    calls: [
      {
        tool: RKNN_TOOLKIT,
        title: `compile for ${platform}`,
        args: () => [
          RKNN_SCRIPT,
          ...['--model', MODEL_FILE, '--platform', platform, '--output', 'model.rknn'],
          ...(isQuantized ? ['--dataset', RKNN_DATASET] : []),
        ],
        timeoutMs: COMPILE_TIMEOUT_MS,
      },
    ],
    artefacts: ['.rknn'],
    reports: [],
    readMeasurement: () => NO_MEASUREMENT,
  };
}

/**
 * The text file that names the calibration samples: one line per sample, the files of its inputs in the model's order.
 * @throws RangeError for a name that a line cannot hold
 */
export function rknnDataset(samples: readonly (readonly string[])[]): string {
  return samples
    .map(files => {
      const bad = files.find(file => /\s/.test(file));
      if (bad !== undefined)
        throw new RangeError(`"${bad}" has a space, which separates the inputs of a sample`);
      return `${files.join(' ')}\n`;
    })
    .join('');
}
