/**
 * How well layer times are told from other models' on the same machine: every fp32 model of ../shared/models is timed here,
 * then predicted from all others, and from those of other families. Beside it multiply-adds alone, and a line per operator.
 * Exits 1 where multiply-adds alone do better.
 *
 *   node bench/estimate.ts [--measured FILE] [--folder DIR [--prepare-only]]
 *
 * FILE keeps the times: written when it is not there, else read instead of measuring. DIR keeps the prepared models, so that
 * only the measuring itself has to wait for a quiet machine.
 */
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {availableParallelism, tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {linePerOperator, timePerMultiplyAdd} from './estimate/baselines.ts';
import {measureModels, prepareModels, type BenchModel} from './estimate/measureModels.ts';
import {fitLayerTimes} from '../src/estimate/layerTimeModel.ts';
import {leaveOneOut, type HeldOutModel} from '../src/estimate/leaveOneOut.ts';
import {explainSharedModels} from '../test/integration/sharedModels.ts';

const {values} = parseArgs({
  options: {measured: {type: 'string'}, folder: {type: 'string'}, 'prepare-only': {type: 'boolean'}},
});
const models = await readOrMeasure();

async function readOrMeasure(): Promise<readonly BenchModel[]> {
  const {measured} = values;
  if (measured !== undefined && existsSync(measured))
    return JSON.parse(readFileSync(measured, 'utf8')) as BenchModel[];
  if (!explainSharedModels('timing the real models')) return [];
  const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'edgewise-estimate-'));
  try {
    await prepareModels(folder);
    const made = values['prepare-only'] === true ? [] : await measureModels(folder, availableParallelism());
    if (measured !== undefined) writeFileSync(measured, JSON.stringify(made));
    return made;
  } finally {
    if (values.folder === undefined) rmSync(folder, {recursive: true, force: true});
  }
}

const METHODS = [
  ['boosted trees over a roofline', fitLayerTimes],
  ['multiply-adds alone', timePerMultiplyAdd],
  ['a line per operator', linePerOperator],
] as const;

let isBetter = true;
if (models.length > 0)
  for (const [title, groupOf] of [
    ['each model left out', (model: BenchModel) => model.model],
    ['each family left out', (model: BenchModel) => model.family],
  ] as const) {
    console.log(`\n${title} (${new Set(models.map(groupOf)).size} groups, ${models.length} models)`);
    const medians = METHODS.map(([name, fit]) => {
      const held = leaveOneOut(models, groupOf, fit);
      const {whole} = errorsOf(held);
      console.log(`  ${name.padEnd(30)} ${summarize(held)}`);
      return quantile(whole, 0.5);
    });
    isBetter &&= medians[0]! < Math.min(...medians.slice(1));
    const held = METHODS.map(([, fit]) => leaveOneOut(models, groupOf, fit));
    console.log('  model                           measured ms  boosted  multiply-adds  line');
    for (const [index, {model, measuredMs}] of held[0]!.entries())
      console.log(
        `  ${model.padEnd(30)} ${measuredMs.toFixed(3).padStart(12)} ${held.map(each => signed(each[index]!)).join('')}`,
      );
  }
process.exitCode = isBetter ? 0 : 1;

function summarize(held: readonly HeldOutModel[]): string {
  const {whole, layers} = errorsOf(held);
  const within = (errors: readonly number[], bound: number): string =>
    `${Math.round((100 * errors.filter(error => error <= bound).length) / errors.length)} %`;
  return (
    `whole model: median ${percent(quantile(whole, 0.5))}, 90th ${percent(quantile(whole, 0.9))}, within 10 %: ${within(whole, 0.1)}, 25 %: ${within(whole, 0.25)}; ` +
    `layers of 1 % and more: median ${percent(quantile(layers, 0.5))}, 90th ${percent(quantile(layers, 0.9))}, within 10 %: ${within(layers, 0.1)}`
  );
}

/** Relative to what was measured; layers only where they take a hundredth of their model or more. */
function errorsOf(held: readonly HeldOutModel[]): {whole: number[]; layers: number[]} {
  return {
    whole: held.map(({measuredMs, predictedMs}) => Math.abs(predictedMs / measuredMs - 1)),
    layers: held.flatMap(({measuredMs, layers}) =>
      layers
        .filter(layer => layer.measuredMs >= measuredMs / 100)
        .map(layer => Math.abs(layer.predictedMs / layer.measuredMs - 1)),
    ),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function signed({measuredMs, predictedMs}: HeldOutModel): string {
  const share = predictedMs / measuredMs - 1;
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`.padStart(11);
}
