import type {BenchmarkResult} from '../documents/benchmark.ts';
import {formatInterval} from './formatInterval.ts';
import {formatMs} from './formatNumbers.ts';
import {tablePredictedMeasured} from './tablePredictedMeasured.ts';

/** Latency with its spread and parts, the rate, the energy, and what was predicted. */
export function textFromBenchmark(result: BenchmarkResult): string {
  const {latency, throughput, predicted, energyMillijoules} = result;
  const lines = [
    `${result.device} (release ${result.release}): ${latency.requests} requests, one after the other`,
    '',
    tablePredictedMeasured([
      ['device', predicted?.deviceMs, latency.deviceMs],
      ['link', predicted?.linkMs, latency.linkMs],
      ['cloud', predicted?.cloudMs, latency.cloudMs],
      ['p50', predicted?.latencyMs, latency.p50Ms],
      ['p90', undefined, latency.p90Ms],
      ['p99', undefined, latency.p99Ms],
    ]),
    '',
  ];
  const interval = predicted === null ? '' : formatInterval(predicted);
  if (interval !== '') lines.push(`Predicted: ${interval}.`);
  lines.push(
    `${rate(throughput.requestsPerSecond)} requests a second with ${throughput.concurrency} at a time, for ${throughput.seconds.toFixed(1)} s; each then takes ${formatMs(throughput.p50Ms)}, 99 % at most ${formatMs(throughput.p99Ms)}.`,
  );
  if (energyMillijoules !== null)
    lines.push(
      `${Number(energyMillijoules.toPrecision(3))} mJ of the device a request, by the power that edgewise.yaml declares${predicted?.energyMillijoules === undefined ? '' : `; ${Number(predicted.energyMillijoules.toPrecision(3))} mJ predicted`}.`,
    );
  const others = [
    ['everything on the device', result.deviceOnlyMs],
    ['everything in the cloud', result.cloudOnlyMs],
  ].flatMap(([name, ms]) => (typeof ms === 'number' ? [`${formatMs(ms)} with ${name ?? ''}`] : []));
  if (others.length > 0) lines.push(`The plan predicts ${others.join(' and ')}.`);
  if (result.aloneRequests > 0)
    lines.push(
      `${result.aloneRequests} of ${latency.requests} requests were answered by the device alone: the others gave no answer.`,
    );
  if (result.failures > 0) lines.push(`${result.failures} requests failed.`);
  if (predicted === null)
    lines.push('The plan of this release is not among plans/, so there is no prediction.');
  return lines.join('\n');
}

function rate(requestsPerSecond: number): string {
  return String(Number(requestsPerSecond.toPrecision(3)));
}
