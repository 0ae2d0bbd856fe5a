import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {writeModel} from '../../src/model/onnx/writeModel.ts';
import {rankLayers} from '../../src/quantize/accuracy/rankLayers.ts';
import {compactModel} from '../../src/quantize/compactModel.ts';
import {planQuantization, tensorsToMeasure} from '../../src/quantize/planQuantization.ts';
import {quantizeGraph} from '../../src/quantize/quantizeGraph.ts';
import {collectRanges} from '../../src/quantize/ranges/collectRanges.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {keepWithinBudget} from '../../src/workflows/builds/keepWithinBudget.ts';
import type {Lowering} from '../../src/workflows/builds/lowering.ts';
import {openAsOnTarget} from '../../src/workflows/builds/openAsOnTarget.ts';
import {openJudge} from '../../src/workflows/builds/openJudge.ts';
import {openDataSet} from '../../src/workflows/openDataSet.ts';
import {prepareFloatModel, type FloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {startSampleRunner} from '../../src/workflows/sampleRuns/startSampleRunner.ts';
import {writeScratch} from '../../src/workspace/writeScratch.ts';
import {calibrationOf, type Subject} from './subjects.ts';
import type {TablePrinter} from './table.ts';

/** More than the plain recipe has, so that some layers must be kept. */
const BUDGETS_DB = [3, 10];
/** The first ones of the evaluation samples: only the number of validations is counted. */
const SAMPLES = 32;

/** Full validations that accuracy control spends until the output's signal-to-noise ratio is as asked for. */
export async function measureControl(subjects: readonly Subject[], tables: TablePrinter): Promise<void> {
  const rows = tables.start(
    'validations spent by accuracy control, after one sensitivity pass',
    '≤ 2·log2(layers)',
    ['model', 'int8 layers', 'plain dB', ...BUDGETS_DB.map(more => `for +${more} dB (kept)`), 'limit'],
  );
  for (const subject of subjects) {
    const {layers, plainDb, spent} = await controlled(subject);
    const limit = 2 * Math.log2(layers);
    const cells = spent.map(({validations, kept}) => `${validations} (${kept})`);
    rows.add(
      [subject.name, String(layers), plainDb.toFixed(1), ...cells, limit.toFixed(1)],
      // One says whether anything must be kept at all.
      spent.every(({validations}) => validations <= Math.max(1, limit)),
    );
  }
}

interface Controlled {
  readonly layers: number;
  readonly plainDb: number;
  readonly spent: readonly {readonly validations: number; readonly kept: number}[];
}

async function controlled(subject: Subject): Promise<Controlled> {
  const temporaryFolder = mkdtempSync(join(tmpdir(), 'edgewise-bench-control-'));
  const float = await prepareFloatModel({modelFile: subject.model, inputShapes: {}, temporaryFolder});
  const calibration = await openDataSet(calibrationOf(subject), float.inputs);
  const evaluation = await openDataSet(join(subject.folder, 'evaluation.npy'), float.inputs);
  const requestCount = Math.min(SAMPLES, evaluation.requestCount);
  const judge = await openJudge({
    originalPath: await float.file(),
    samples: {
      requestCount,
      readRequest: index => evaluation.readRequest(index),
      rowsPerRequest: evaluation.sampleCount / evaluation.requestCount,
      labels: null,
    },
    metric: 'sqnr',
    threads: 1,
  });
  try {
    const runner = startSampleRunner(calibration, {temporaryFolder});
    const {lowering, layers} = await lowerPlainly(float, runner);
    const path = join(temporaryFolder, 'build.onnx');
    const task = {
      lowering,
      judge,
      runner,
      ...openAsOnTarget('int8', false, {temporaryFolder, threads: 1}),
      async write({model}: ReturnType<Lowering['build']>) {
        await writeScratch(path, writeModel(model, {kind: 'inline'}).chunks);
        return path;
      },
    };
    const plain = await keepWithinBudget({...task, budget: null});
    const spent = [];
    for (const more of BUDGETS_DB) {
      const budget = {kind: 'at-least', limit: plain.judgement.value + more} as const;
      const {validations, keptLayers, isWithinBudget} = await keepWithinBudget({...task, budget});
      // Without an answer but the float model.
      spent.push({validations, kept: isWithinBudget ? keptLayers.length : layers});
    }
    return {layers, plainDb: plain.judgement.value, spent};
  } finally {
    await judge.close();
    await calibration.close();
    await evaluation.close();
    await float.close();
    rmSync(temporaryFolder, {recursive: true, force: true});
  }
}

/** Nothing that makes it good, so that control has something to do. */
async function lowerPlainly(
  {graph}: FloatModel,
  runner: ReturnType<typeof startSampleRunner>,
): Promise<{lowering: Lowering; layers: number}> {
  const scheme = targetByName('x86-vnni').recipe.candidates[0]?.scheme;
  if (scheme === null || scheme === undefined) throw new Error('x86-vnni has no scheme');
  const plan = planQuantization(graph, scheme);
  const ranges = await collectRanges(graph, tensorsToMeasure(plan), runner, 'min-max');
  const lowering: Lowering = {
    graph,
    decisions: [],
    build(keptLayers) {
      const keepFloat = new Map([...keptLayers].map(layer => [layer, 'accuracy' as const]));
      const kept = planQuantization(graph, scheme, keepFloat);
      const model = compactModel(quantizeGraph(graph, kept, scheme, ranges), graph);
      return {model, floatLayers: kept.floatLayers};
    },
    isSeparable: true,
    rank: errors => rankLayers(graph, plan, errors),
  };
  return {lowering, layers: plan.quantizedLayers.length};
}
