import {copyFile, mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {Explanation} from '../../src/documents/explanation.ts';
import type {InferResult} from '../../src/documents/inference.ts';
import {inTemporaryFolder, jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

const ANSWER: InferResult = {
  device: 'pi',
  release: '0123456789abcdef',
  requests: 60,
  samples: 960,
  measured: {
    totalMs: 36.1,
    p95Ms: 39,
    headMs: 11,
    linkMs: 21.5,
    tailMs: 2.2,
    tiers: [],
    links: [],
    aloneRequests: 0,
    seenFromHereMs: 40,
  },
  predicted: null,
  planFile: null,
  outputs: [],
  outputFiles: [],
  accuracy: null,
};

/** Runs `explain plan.yaml` in a folder that has this plan and an answer, and nothing else. */
function explainIn(
  args: readonly string[],
  look: (ended: Ended, folder: string) => Promise<void>,
  answer: unknown = ANSWER,
): Promise<void> {
  return inTemporaryFolder(async folder => {
    await copyFile(join(ROOT, 'test/golden/article-raw-input-stays.plan.yaml'), join(folder, 'plan.yaml'));
    await writeFile(join(folder, 'answer.json'), JSON.stringify(answer, null, 1));
    await mkdir(join(folder, 'taken'));
    await look(await runEdgewise(['explain', 'plan.yaml', ...args], {cwd: folder, home: folder}), folder);
  });
}

describe('explain --html', () => {
  it('writes one page, says where, and shows what it shows without it', () =>
    explainIn(['--html', 'pages/plan.html', '--measured', 'answer.json'], async (ended, folder) => {
      expect(ended).toMatchObject({exitCode: 0, stderr: ''});
      expect(ended.stdout).toMatch(/Why each layer is where it is/);
      expect(ended.stdout).toMatch(/\nWritten to pages\/plan\.html\n$/);
      expect(await readdir(join(folder, 'pages'))).toEqual(['plan.html']);
      const page = await readFile(join(folder, 'pages/plan.html'), 'utf8');
      expect(page).toMatch(/^<!doctype html>/);
      expect(page).toContain('Medians over 60 requests');
    }));

  it('with --json prints the explanation and nothing else', () =>
    explainIn(['--html', 'plan.html', '--json'], async (ended, folder) => {
      expect(ended).toMatchObject({exitCode: 0, stderr: ''});
      expect(jsonOf<Explanation>(ended).chosen.name).toBe('cut after pool1');
      expect(await readdir(folder)).toContain('plan.html');
    }));

  it.each([
    [['--html', '-'], '--html needs the name of a file, and "-" is none.', 2],
    [['--html', 'taken'], '--html needs the name of a file, and taken is a folder.', 2],
    [['--html', 'plan.yaml/page.html'], 'The page cannot be written to plan.yaml/page.html:', 12],
    [['--html', 'p.html', '--measured', 'none.json'], 'There is no readable file none.json.', 2],
  ])('%j is one clear sentence, and nothing is written', (args, sentence, exitCode) =>
    explainIn(args, async (ended, folder) => {
      expect(ended).toMatchObject({exitCode, stdout: ''});
      expect(ended.stderr).toContain(`Error: ${sentence}`);
      expect((await readdir(folder)).sort()).toEqual(['answer.json', 'plan.yaml', 'taken']);
    }),
  );

  it.each([
    ['another device', {...ANSWER, device: 'pi-2'}, 'answer.json was measured on pi-2, the plan is for pi.'],
    [
      'another plan',
      {...ANSWER, predicted: {latencyMs: 12}},
      'answer.json was measured with a plan that predicts 12 ms, this one predicts 35.0602 ms.',
    ],
    ['no answer of infer', {device: 'pi'}, 'key "measured" is missing'],
  ])('a measurement of %s is refused', (_, answer, sentence) =>
    explainIn(
      ['--html', 'p.html', '--measured', 'answer.json'],
      async ended => {
        expect(ended.exitCode).not.toBe(0);
        expect(ended.stderr).toContain(sentence);
      },
      answer,
    ),
  );

  it('shows a chart of the alternatives, plain where it is piped', () =>
    explainIn([], async ended => {
      expect(ended.stdout).toMatch(/cut after pool1 +35\.1 ms {2}█+─+▒+·+\n/);
      expect(ended.stdout).not.toContain('\u001b');
    }));
});
