import {fileURLToPath} from 'node:url';
import {expect, it} from 'vitest';
import {closeShapes} from '../../../src/workflows/quickstartSamples.ts';

const PICTURES = fileURLToPath(new URL('../../../templates/quickstart/pictures.onnx', import.meta.url));

it('closes a symbolic batch with 1, so that a model can be tried without naming shapes', () => {
  expect(closeShapes(PICTURES, {})).toEqual({image: [1, 3, 32, 32]});
});

it('keeps the shapes that are given', () => {
  expect(closeShapes(PICTURES, {image: [4, 3, 32, 32]})).toEqual({image: [4, 3, 32, 32]});
});
