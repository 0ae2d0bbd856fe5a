import {describe, expect, it} from 'vitest';
import {accuracySchema, budgetFromText, budgetOf} from '../../../src/documents/accuracyBudget.ts';
import {dataSourceFromText} from '../../../src/documents/dataSource.ts';
import {projectFromYaml} from '../../../src/documents/readDocument.ts';

describe('an accuracy budget', () => {
  it.each([
    ['0.01', {kind: 'absolute-drop', limit: 0.01}],
    ['0.5 points', {kind: 'absolute-drop', limit: 0.005}],
    ['1 point', {kind: 'absolute-drop', limit: 0.01}],
    ['1%', {kind: 'relative-drop', limit: 0.01}],
    [' 2.5 % ', {kind: 'relative-drop', limit: 0.025}],
    ['0', {kind: 'absolute-drop', limit: 0}],
  ])('%j', (text, budget) => expect(budgetFromText(text)).toEqual(budget));

  it.each(['', '-1', '1e', '.5', '1 percent', '1%%', '1,5 %'])('%j is none', text =>
    expect(budgetFromText(text)).toBeNull(),
  );

  it.each([
    [{maxDrop: 0.01}, {kind: 'absolute-drop', limit: 0.01}],
    [
      {metric: 'top-1', maxDrop: '1%'},
      {kind: 'relative-drop', limit: 0.01},
    ],
    [
      {metric: 'sqnr', minimum: 30},
      {kind: 'at-least', limit: 30},
    ],
    [
      {metric: {command: ['score.sh'], better: 'lower'}, maxDrop: 2},
      {kind: 'absolute-drop', limit: 2},
    ],
    [{metric: 'top-5'}, null],
  ])('%j in edgewise.yaml', (accuracy, budget) => {
    expect(budgetOf(accuracySchema.parse(accuracy))).toEqual(budget);
  });

  it.each([
    {metric: 'sqnr', maxDrop: '1%'},
    {metric: 'top-1', minimum: 0.5},
    {metric: 'mean-absolute-error', maxDrop: '1 points'},
    {metric: 'mean-absolute-error', maxDrop: '1%'},
    {metric: {command: ['score.sh']}, maxDrop: '1 point'},
    {metric: 'top-1', maxDrop: 1},
    {maxDrop: '100 points'},
    {metric: 'cosine', maxDrop: '100%'},
    {metric: {command: []}},
    {maxDrop: -1},
  ])('%j contradicts itself', accuracy => {
    expect(accuracySchema.safeParse(accuracy).success).toBe(false);
  });
});

describe('data in edgewise.yaml', () => {
  const read = (text: string) =>
    projectFromYaml(
      `kind: edgewise/project\nformatVersion: 1\nmodel: {file: m.onnx}\ndevices: [{name: pi, address: local, target: arm64-dotprod}]\n${text}`,
      'edgewise.yaml',
    );

  it.each([
    'evaluation: {inputs: {image: x.npy}, labels: y.npy}',
    'calibration: photos/',
    'calibration: {path: photos/, samples: 100, seed: 1}\nevaluation: {path: val/, labels: val.csv, classes: names.txt}',
    'calibration: {inputs: {x: {file: x.bin, elementType: uint8, shape: [3, 32, 32], recordBytes: 3073, offsetBytes: 1}}}',
    'calibration: {random: {samples: 8}}',
    'preprocessing: imagenet',
    'preprocessing: {preset: unit, resize: {mode: letterbox, size: [640, 640]}}',
    'preprocessing: {scale: 1/255, mean: [0.4, 0.4, 0.4], std: 0.2, crop: 224}',
    'preprocessing: {inputs: {image: imagenet, mask: {preset: raw}}}',
  ])('%s', text => expect(read(text).kind).toBe('edgewise/project'));

  it('--data random is random, everything else a path', () => {
    expect(dataSourceFromText('random')).toEqual({random: {samples: 32}});
    expect(dataSourceFromText('./random')).toBe('./random');
  });
});
