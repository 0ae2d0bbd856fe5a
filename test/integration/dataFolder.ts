import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import sharp from 'sharp';
import {afterAll, beforeAll, expect} from 'vitest';
import type {DataSource} from '../../src/documents/dataSource.ts';
import type {ElementType} from '../../src/documents/elementTypes.ts';
import type {Tensor, TensorSpec} from '../../src/documents/tensor.ts';
import {openDataSet, type DataSet, type DataSetOptions} from '../../src/workflows/openDataSet.ts';

export interface DataFolder {
  /** A path in the test file's own folder. */
  readonly at: (name: string) => string;
  /** Opens a data set that is closed after the tests. */
  readonly open: (
    source: DataSource,
    inputs: readonly TensorSpec[],
    options?: DataSetOptions,
  ) => Promise<DataSet>;
  /** An image of one colour. */
  readonly writeImage: (
    name: string,
    colour: readonly [number, number, number],
    size?: number,
  ) => Promise<void>;
}

/** A temporary folder for the data sets of a test file. */
export function useDataFolder(): DataFolder {
  let folder: string;
  const opened: DataSet[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-datasets-'));
  });
  afterAll(async () => {
    for (const set of opened) await set.close();
    await rm(folder, {recursive: true, force: true});
  });
  const at = (name: string): string => join(folder, name);
  return {
    at,
    async open(source, inputs, options = {}) {
      const set = await openDataSet(source, inputs, options);
      opened.push(set);
      return set;
    },
    async writeImage(name, [r, g, b], size = 4) {
      await mkdir(dirname(at(name)), {recursive: true});
      await sharp({create: {width: size, height: size, channels: 3, background: {r, g, b}}}).toFile(at(name));
    },
  };
}

export const input = (shape: number[], elementType: ElementType = 'float32', name = 'x'): TensorSpec => ({
  name,
  elementType,
  shape,
});

export const valuesOf = (
  {bytes}: Tensor | undefined = {elementType: 'float32', shape: [], bytes: new Uint8Array()},
): number[] => [...new Float32Array(bytes.slice().buffer)];

export const refusal = (code: string, text: string, exitCode = 2): unknown =>
  expect.objectContaining({code, exitCode, message: expect.stringContaining(text) as string});
