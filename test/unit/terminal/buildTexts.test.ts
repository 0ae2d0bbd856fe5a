import {describe, expect, it} from 'vitest';
import type {Build} from '../../../src/documents/build.ts';
import type {Evaluation} from '../../../src/documents/evaluation.ts';
import {textFromBuild} from '../../../src/terminal/textFromBuild.ts';
import {textFromEvaluation} from '../../../src/terminal/textFromEvaluation.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const build: Build = {
  kind: 'edgewise/build',
  formatVersion: 1,
  madeBy: 'edgewise 0.1.0',
  madeAt: '2026-01-01T00:00:00.000Z',
  madeFrom: {model: digest},
  target: 'x86-vnni',
  precision: 'int8',
  model: {name: 'pictures', digest},
  artefact: {
    file: 'builds/x86-vnni.onnx',
    digest,
    sizeBytes: 550_000,
    originalSizeBytes: 2_200_000,
    layers: 30,
  },
  recipe: [{decision: 'int8-u8s8', reason: 'VNNI multiplies unsigned by signed bytes and adds in 32 bits'}],
  floatLayers: ['a', 'b', 'c', 'd'].map(layer => ({layer, reason: 'decode-tail'})),
  warnings: ['No preprocessing is declared for input image.'],
  runtime: {onnxruntime: '1.30.0'},
  fidelity: {maxAbsoluteDifference: 0.02, samples: 1, outputs: [{name: 'probabilities', sqnrDb: 41.94}]},
  accuracy: {metric: 'top-1', original: 0.96, build: 0.95, samples: 100, budget: '1%'},
  candidates: [
    {
      name: 'int8-u8s8',
      precision: 'int8',
      sizeBytes: 550_000,
      accuracy: 0.95,
      latencyMs: 0.5,
      verdict: 'taken',
    },
    {name: 'fp32', precision: 'fp32', sizeBytes: 2_200_000, verdict: 'left: slower'},
  ],
};

describe('what compile shows', () => {
  it('says decisions, layers in float by reason, accuracy against the budget, rivals and warnings', () => {
    expect(textFromBuild({file: 'builds/x86-vnni.yaml', build})).toBe(
      [
        'pictures for target x86-vnni: int8, 30 layers, 550 kB (25 % of the original)',
        '  int8-u8s8: VNNI multiplies unsigned by signed bytes and adds in 32 bits',
        '  4 in float (decode-tail): a, b, c, …',
        '  largest difference from the original 2.0e-2 over 1 sample',
        '  output probabilities: 41.9 dB',
        '  top-1 95 % (original 96 %) of 100 samples, budget 1%',
        '  build        size  accuracy    time  verdict',
        '  int8-u8s8  550 kB      95 %  0.5 ms  taken',
        '  fp32       2.2 MB         -       -  left: slower',
        '  warning: No preprocessing is declared for input image.',
        'Written to builds/x86-vnni.yaml and builds/x86-vnni.onnx',
      ].join('\n'),
    );
  });

  it("names the files of the vendor's compiler", () => {
    const files = ['builds/openvino.bin', 'builds/openvino.xml'].map(file => ({file, digest, sizeBytes: 1}));
    const compiled = {by: ['ovc 2026.4.1'], machine: 'this machine', files};
    expect(
      textFromBuild({file: 'builds/openvino.yaml', build: {...build, compiled}})
        .split('\n')
        .at(-1),
    ).toBe(
      'Written to builds/openvino.yaml and builds/x86-vnni.onnx and builds/openvino.bin and builds/openvino.xml',
    );
  });

  it('keeps within the width of the terminal', () => {
    const lines = textFromBuild({file: 'b.yaml', build}, 60).split('\n');
    expect(lines.filter(line => /^ /.test(line) && line.length > 60)).toEqual([]);
    expect(lines.filter(line => /^ {4}\S/.test(line))).toHaveLength(1);
  });
});

describe('accuracy in decibels', () => {
  const shown = (value: number | null, maxAbsoluteDifference: number, sqnrDb: number | null = null): string =>
    textFromBuild({
      file: 'b.yaml',
      build: {
        ...build,
        accuracy: {metric: 'sqnr', original: null, build: value, samples: 100},
        fidelity: {maxAbsoluteDifference, samples: 100, outputs: [{name: 'y', sqnrDb}]},
      },
    });

  it('is not compared with the original, which has no noise against itself', () => {
    expect(shown(31.44, 0.1)).toContain('  sqnr 31.4 dB of 100 samples');
  });

  it('of a build that is equal is told apart from one whose outputs are not numbers', () => {
    expect(shown(null, 0)).toContain('  sqnr without noise of 100 samples');
    expect(shown(null, 0)).toContain('output y: equal');
    expect(shown(null, 0.5, -999)).toContain('  sqnr not finite of 100 samples');
    expect(shown(null, 0.5, -999)).toContain('output y: no signal (not numbers)');
  });
});

describe('the table of candidates', () => {
  const candidates: Build['candidates'] = [
    ['int8-u8s8-reduced-range-pruned', 'left: slower than int8-u8s8-reduced-range (0.73 × the time of fp32)'],
    ['int8-u8s8-reduced-range', 'taken: the fastest (0.61 × the time of fp32)'],
  ].map(([name = '', verdict = '']) => ({
    name,
    verdict,
    precision: 'int8' as const,
    sizeBytes: 550_000,
    accuracy: 0.9512,
    latencyMs: 0.451,
  }));

  it.each([100, 80])('says every verdict whole in %i columns, however long the names are', width => {
    const lines = textFromBuild({file: 'b.yaml', build: {...build, candidates}}, width).split('\n');
    const from = lines.findIndex(line => line.startsWith('  build'));
    const table = lines.slice(
      from,
      lines.findIndex(line => line.includes('warning')),
    );
    expect(table.filter(line => line.length > width)).toEqual([]);
    const verdictAt = table[0]!.indexOf('verdict');
    const verdicts = table
      .slice(1)
      .map(line => line.slice(verdictAt).trim())
      .join(' ');
    expect(verdicts).toBe(candidates.map(({verdict}) => verdict).join(' '));
  });
});

describe('what evaluate shows', () => {
  const evaluation: Evaluation = {
    build: 'b.onnx',
    against: 'model.onnx',
    samples: 100,
    sizeBytes: 550_000,
    originalSizeBytes: 2_200_000,
    accuracy: {metric: 'cosine', original: 1, build: 0.9987, drop: 0.0013},
    maxAbsoluteDifference: 0.5,
    outputs: [{name: 'y', sqnrDb: null}],
    worstAccumulated: [
      {layer: 'conv1', operator: 'Conv', tensor: 't', sqnrDb: 31.44},
      {layer: 'conv2', operator: 'Conv', tensor: 'u', sqnrDb: null},
    ],
    worstOwn: [{layer: 'conv1', operator: 'Conv', tensor: 't', sqnrDb: null}],
    warnings: [],
  };

  it('lists layers that differ, and no table when none does', () => {
    const text = textFromEvaluation(evaluation);
    expect(text).toContain('cosine 0.9987 (original 1.000)');
    expect(text).toContain('output y: equal');
    expect(text).toMatch(/accumulated error\nlayer .*\nconv1 +Conv +31\.4 dB$/);
    expect(text).not.toContain('own error');
  });
});
