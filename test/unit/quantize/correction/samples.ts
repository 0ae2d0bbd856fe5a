import {tmpdir} from 'node:os';
import type {SampleRunner} from '../../../../src/quantize/sampleRunner.ts';
import {startSampleRunner} from '../../../../src/workflows/sampleRuns/startSampleRunner.ts';
import {normalNumbers} from '../normalNumbers.ts';

/** ONNX Runtime on `count` samples of normally distributed numbers, the same ones every time. */
export function normalSamples(input: string, shape: readonly number[], count: number): SampleRunner {
  const size = shape.reduce((all, one) => all * one, 1);
  return startSampleRunner(
    {
      requestCount: count,
      readRequest: index => {
        const bytes = new Uint8Array(normalNumbers(size, index + 1).buffer);
        return Promise.resolve({[input]: {elementType: 'float32', shape, bytes}});
      },
    },
    {temporaryFolder: tmpdir(), threads: 1},
  );
}
