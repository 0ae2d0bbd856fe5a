/**
 * What crosses the cut sent as int8 and as fp16, on the labelled models of ../shared/models: how many bytes that saves, what
 * it costs in accuracy at cuts along the whole chain, and whether onnx.checker and Python's ONNX Runtime take the segments
 * and answer alike. Exit 1 when a bar is missed.
 *
 *   node bench/boundary.ts [--cuts 12] [--data FOLDER] [--results FILE] [--minutes 9] [NAME …]
 *
 * Needs Python with onnx and onnxruntime, see bench/quantize.ts. --data: where samples are prepared, or were. --results:
 * models that the file has already are not measured again, and no new one is begun after the given minutes: run it again to
 * go on. NAME: part of a model's name.
 */
import {appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {explainSharedModels} from '../test/integration/sharedModels.ts';
import {measureBoundary, type BoundaryRow} from './boundary/measureBoundary.ts';
import {summarizeBoundary} from './boundary/summarizeBoundary.ts';
import {findPython} from './quantize/findPython.ts';
import {prepareSubjects} from './quantize/subjects.ts';

const {values, positionals} = parseArgs({
  options: {
    cuts: {type: 'string', default: '12'},
    data: {type: 'string'},
    results: {type: 'string'},
    minutes: {type: 'string', default: '60'},
  },
  allowPositionals: true,
});
const startedMs = performance.now();
const isTimeUp = (): boolean => performance.now() - startedMs > Number(values.minutes) * 60_000;

if (explainSharedModels('bench/boundary')) {
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-bench-boundary-'));
  try {
    const python = await findPython(folder);
    const subjects = (await prepareSubjects(python, values.data ?? join(folder, 'data'))).filter(
      ({name, isLabelled}) =>
        isLabelled && (positionals.length === 0 || positionals.some(part => name.includes(part))),
    );
    const rows = readRows();
    const left: string[] = [];
    for (const subject of subjects) {
      if (rows.some(({model}) => model === subject.name)) continue;
      if (isTimeUp()) {
        left.push(subject.name);
        continue;
      }
      const measured = await measureBoundary(python, subject, folder, Number(values.cuts));
      rows.push(...measured);
      if (values.results !== undefined)
        appendFileSync(values.results, measured.map(row => `${JSON.stringify(row)}\n`).join(''));
    }
    const {text, isMissed} = summarizeBoundary(rows);
    console.log(text);
    if (left.length > 0) console.log(`\nnot measured yet: ${left.join(', ')}. Run this again to go on.`);
    process.exitCode = isMissed ? 1 : 0;
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

function readRows(): BoundaryRow[] {
  if (values.results === undefined || !existsSync(values.results)) return [];
  const lines = readFileSync(values.results, 'utf8').split('\n');
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as BoundaryRow);
}
