/**
 * Cuts every model of ../shared/models at every chain position and along random down-closed sets, and compares tail(head(x))
 * with the whole. One child process per model, because sessions leak a little.
 *
 *   node bench/cuts.ts [--results FILE] [MODEL.onnx …]
 *
 * With --results, models that the file already has a line for are not run again: an interrupted run goes on where it was.
 */
import {execFile} from 'node:child_process';
import {appendFileSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {parseArgs, promisify} from 'node:util';
import {chainCutsOf, checkCut, prepareForCuts, randomDownClosedSet} from '../test/integration/cutRecipe.ts';
import {explainSharedModels, SHARED_MODELS} from '../test/integration/sharedModels.ts';

const RANDOM_SETS = 20;

interface Row {
  readonly model: string;
  readonly layers: number;
  readonly cuts: number;
  readonly bitwise: number;
  readonly maxAbsoluteDifference: number;
  readonly seconds: number;
  readonly peakMegabytes: number;
}

async function measureModel(path: string): Promise<Row> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-cuts-'));
  try {
    const seedWeights = basename(path).startsWith('light_');
    const prepared = await prepareForCuts(path, folder, {seedWeights});
    const sets = [
      ...chainCutsOf(prepared.graph),
      ...Array.from({length: RANDOM_SETS}, (_, seed) => randomDownClosedSet(prepared.graph, seed)),
    ];
    let bitwise = 0;
    let maxAbsoluteDifference = 0;
    for (const set of sets) {
      const verdict = await checkCut(prepared, set);
      if (verdict.isBitwise) bitwise += 1;
      maxAbsoluteDifference = Math.max(maxAbsoluteDifference, verdict.maxAbsoluteDifference);
    }
    prepared.close();
    return {
      model: basename(path),
      layers: prepared.graph.layers.length,
      cuts: sets.length,
      bitwise,
      maxAbsoluteDifference,
      seconds: (performance.now() - started) / 1000,
      peakMegabytes: process.resourceUsage().maxRSS / 1000,
    };
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

async function measureInChild(path: string): Promise<Row> {
  const {stdout} = await promisify(execFile)(process.execPath, [import.meta.filename, '--child', path]);
  return JSON.parse(stdout) as Row;
}

function readRows(file: string | undefined): Row[] {
  if (file === undefined || !existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as Row);
}

function printRow({model, layers, cuts, bitwise, maxAbsoluteDifference, seconds, peakMegabytes}: Row): void {
  const cells = [
    layers,
    cuts,
    bitwise,
    maxAbsoluteDifference.toExponential(1),
    seconds.toFixed(1),
    peakMegabytes.toFixed(0),
  ];
  console.log(model.padEnd(30) + cells.map(cell => String(cell).padStart(10)).join(''));
}

const {values, positionals} = parseArgs({
  options: {results: {type: 'string'}, child: {type: 'boolean'}},
  allowPositionals: true,
});

if (values.child) {
  console.log(JSON.stringify(await measureModel(positionals[0]!)));
} else if (positionals.length > 0 || explainSharedModels('bench/cuts')) {
  const models = positionals.length > 0 ? positionals : globSync(join(SHARED_MODELS, '*/*.onnx')).sort();
  const titles = ['layers', 'cuts', 'bitwise', 'max diff', 'seconds', 'peak MB'];
  console.log('model'.padEnd(30) + titles.map(title => title.padStart(10)).join(''));
  const rows = readRows(values.results);
  for (const model of models) {
    let row = rows.find(one => one.model === basename(model));
    if (row === undefined) {
      row = await measureInChild(model);
      rows.push(row);
      if (values.results !== undefined) appendFileSync(values.results, `${JSON.stringify(row)}\n`);
    }
    printRow(row);
    if (row.maxAbsoluteDifference > 1e-5) process.exitCode = 1;
  }
}
