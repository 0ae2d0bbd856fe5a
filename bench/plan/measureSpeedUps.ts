import {rmSync, mkdtempSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import type {Graph} from '../../src/model/graph.ts';
import {planDocument} from '../../src/placement/planDocument.ts';
import {explainSharedModels} from '../../test/integration/sharedModels.ts';
import {measureEachModel, type BenchModel} from '../estimate/measureModels.ts';
import {declaredLink, measurementsOfGraph} from './measurementsOfGraph.ts';

/** Those of published comparisons: 3G, 4G and Wi-Fi. */
const MBIT_PER_SECOND = [1.1, 5.85, 18.88] as const;
const BYTES_PER_SECOND_AT_1_MBIT = 125e3;
const ROUND_TRIP_MS = 20;
/** The cloud is this machine, with one thread, and the device this many times slower. */
const DEVICE_SLOWNESS = 10;

interface SpeedUp {
  readonly model: string;
  readonly mbit: number;
  readonly isRawInputKept: boolean;
  readonly plan: string;
  readonly planMs: number;
  readonly deviceMs: number;
  readonly cloudMs: number;
}

/**
 * How many times sooner the planned placement answers than the device alone and the cloud alone, as predicted from layer times
 * that are measured here, for every fp32 model of ../shared/models; with geometric means. True when no plan is slower than
 * either of the two that it may choose.
 */
export async function measureSpeedUps(): Promise<boolean> {
  if (!explainSharedModels('speed-ups on real models')) return true;
  const folder = mkdtempSync(join(tmpdir(), 'edgewise-speed-ups-'));
  try {
    const models = await measureEachModel(folder, 1, (measured, graph) => ({measured, graph}));
    return [false, true].map(isRawInputKept => showSpeedUps(models, isRawInputKept)).every(Boolean);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

function showSpeedUps(
  models: readonly {readonly measured: BenchModel; readonly graph: Graph}[],
  isRawInputKept: boolean,
): boolean {
  const rows = models.flatMap(({measured, graph}) =>
    MBIT_PER_SECOND.map(mbit => speedUpOf(measured, graph, mbit, isRawInputKept)),
  );
  console.log(
    `\nspeed-up of the plan, the input ${isRawInputKept ? 'kept on the device' : 'free to travel'}: cloud as measured here ` +
      `with one thread, device ${DEVICE_SLOWNESS} times slower, round trip ${ROUND_TRIP_MS} ms`,
  );
  console.table(
    rows.map(({model, mbit, plan, planMs, deviceMs, cloudMs}) => ({
      model,
      'Mbit/s': mbit,
      plan: plan.length > 40 ? `${plan.slice(0, 39)}…` : plan,
      'plan ms': rounded(planMs),
      'device ms': rounded(deviceMs),
      'cloud ms': rounded(cloudMs),
      'over device': rounded(deviceMs / planMs),
      'over cloud': rounded(cloudMs / planMs),
    })),
  );
  for (const mbit of MBIT_PER_SECOND) {
    const here = rows.filter(row => row.mbit === mbit);
    const over = (msOf: (row: SpeedUp) => number): string =>
      geometricMean(here.map(row => msOf(row) / row.planMs)).toFixed(2);
    const splits = here.filter(({plan}) => plan !== 'device-only' && plan !== 'cloud-only').length;
    console.log(
      `${mbit} Mbit/s, geometric means of ${here.length} models: ${over(({deviceMs}) => deviceMs)} times device-only, ` +
        `${over(({cloudMs}) => cloudMs)} times cloud-only, ` +
        `${over(({deviceMs, cloudMs}) => Math.min(deviceMs, cloudMs))} times the better of both; ${splits} are splits`,
    );
  }
  // What the cloud alone would take is told even where it is not allowed.
  return rows.every(
    ({planMs, deviceMs, cloudMs}) => planMs <= deviceMs && (isRawInputKept || planMs <= cloudMs),
  );
}

function speedUpOf(
  {model, layers}: BenchModel,
  graph: Graph,
  mbit: number,
  isRawInputKept: boolean,
): SpeedUp {
  const cloud = layers.map(({ms}) => ms);
  const device = cloud.map(ms => ms * DEVICE_SLOWNESS);
  const link = declaredLink(mbit * BYTES_PER_SECOND_AT_1_MBIT, ROUND_TRIP_MS);
  const header = writeHeader('plan', {version: '0', now: new Date(0), madeFrom: {}});
  const {alternatives} = planDocument({
    header,
    measurements: measurementsOfGraph(graph, {device, cloud}, link, isRawInputKept),
  });
  const msOf = (name: string): number =>
    alternatives.find(alternative => alternative.name === name)?.predicted?.latencyMs ?? Infinity;
  const plan = alternatives.find(({verdict}) => verdict === 'chosen')?.name ?? '';
  return {
    model,
    mbit,
    isRawInputKept,
    plan,
    planMs: msOf(plan),
    deviceMs: msOf('device-only'),
    cloudMs: msOf('cloud-only'),
  };
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
