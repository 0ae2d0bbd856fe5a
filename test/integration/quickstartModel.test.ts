import {statSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {describe, expect, it} from 'vitest';
import type {Tensor} from '../../src/documents/tensor.ts';
import {openSession} from '../../src/engine/session.ts';
import {drawPictures, PICTURE_BYTES} from '../../src/lab/pictures.ts';

const path = fileURLToPath(new URL('../../templates/quickstart/pictures.onnx', import.meta.url));
/** The seed of the evaluation pictures; the network was trained on another one. */
const EVALUATION_SEED = 7;

function imagesFrom(pixels: Uint8Array): Tensor {
  const values = Float32Array.from(pixels, value => value / 255);
  const count = pixels.length / PICTURE_BYTES;
  return {elementType: 'float32', shape: [count, 3, 32, 32], bytes: new Uint8Array(values.buffer)};
}

describe('the quickstart model', () => {
  it('is small enough to be committed and shipped', () => {
    expect(statSync(path).size).toBeLessThan(3_000_000);
  });

  it('gets at least 90 % of the first 200 evaluation pictures right, alone and in batches', async () => {
    const {pixels, labels} = drawPictures(EVALUATION_SEED, 200);
    const session = await openSession({path}, {optimization: 'extended', threads: 1});
    try {
      expect(session.inputs.map(({name}) => name)).toEqual(['image']);
      expect(session.outputs.map(({name}) => name)).toEqual(['probabilities']);
      const answer = async (from: number, to: number) => {
        const image = imagesFrom(pixels.subarray(from * PICTURE_BYTES, to * PICTURE_BYTES));
        const {probabilities} = (await session.run({image})).outputs;
        return new Float32Array(new Uint8Array(probabilities!.bytes).buffer);
      };
      const scores = await answer(0, 200);
      let right = 0;
      labels.forEach((label, index) => {
        const row = scores.subarray(index * 10, index * 10 + 10);
        expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
        if (row.indexOf(Math.max(...row)) === label) right += 1;
      });
      expect(right / 200).toBeGreaterThanOrEqual(0.9);

      const alone = await answer(7, 8);
      alone.forEach((value, at) => expect(value).toBeCloseTo(scores[70 + at]!, 5));
    } finally {
      await session.close();
    }
  });
});
