import type {Profile} from '../documents/profile.ts';
import {slowsDown} from '../documents/sustained.ts';
import {formatBytes, formatMs} from './formatNumbers.ts';
import {formatTable} from './formatTable.ts';

/** One paragraph per machine: what it is, how fast it runs the model, its link, its slowest layers. */
export function textFromProfiles(
  profiled: readonly {readonly file: string; readonly profile: Profile}[],
): string {
  return profiled
    .map(({file, profile}) => [...linesOf(profile), `Written to ${file}`].join('\n'))
    .join('\n\n');
}

const SLOWEST = 5;

function linesOf({machine, hardware, models, links}: Profile): string[] {
  const lines = [`${machine.name} (${machine.tier}, ${machine.address})`];
  if (hardware !== undefined) {
    lines.push(
      `  ${hardware.operatingSystem}, ${hardware.architecture}, ${hardware.cores} × ${hardware.cpuModel}, ${formatBytes(hardware.memoryBytes)} of memory, ${hardware.libc.name} ${hardware.libc.version}`,
    );
  }
  for (const {wholeRun, requestOverhead, sessionOverhead, layers, threads, sustained, lowered} of models) {
    if (lowered !== undefined) {
      const {medianMs, spreadMs, runs} = wholeRun;
      lines.push(
        `  its ${lowered.precision} build: one run takes ${formatMs(medianMs)} ± ${formatMs(spreadMs)} (${runs} runs)`,
      );
      continue;
    }
    lines.push(
      `  one run takes ${formatMs(wholeRun.medianMs)} ± ${formatMs(wholeRun.spreadMs)} (${wholeRun.runs} runs, ${threads} ${threads === 1 ? 'thread' : 'threads'}); a request costs ${formatMs(requestOverhead.medianMs)} besides, and ${formatMs(sessionOverhead.medianMs)} more where layers run`,
    );
    if (sustained !== undefined) lines.push(`  ${textFromSustained(sustained)}`);
    const slowest = [...layers].sort((a, b) => b.ms - a.ms).slice(0, SLOWEST);
    const table = formatTable(
      [{title: 'slowest layers', shrinksTo: 20}, {title: 'operator'}, {title: 'time', align: 'right'}],
      slowest.map(layer => [layer.name, layer.operator, formatMs(layer.ms)]),
      96,
    );
    lines.push(...table.split('\n').map(line => `  ${line}`));
  }
  for (const link of links) {
    lines.push(
      `  link to ${link.to}: up ${mbit(link.upBytesPerSecond)}, down ${mbit(link.downBytesPerSecond)}, round trip ${formatMs(link.roundTripMs)}`,
    );
  }
  return lines;
}

function textFromSustained(sustained: NonNullable<Profile['models'][number]['sustained']>): string {
  const {slowdown, seconds, celsius, megahertz} = sustained;
  const states = [
    ...(celsius === undefined ? [] : [`${celsius.start.toFixed(0)} to ${celsius.end.toFixed(0)} °C`]),
    ...(megahertz === undefined ? [] : [`${megahertz.start.toFixed(0)} to ${megahertz.end.toFixed(0)} MHz`]),
  ];
  const state = states.length === 0 ? '' : ` (${states.join(', ')})`;
  return slowsDown(sustained)
    ? `${slowdown.toFixed(2)} times as long after ${seconds.toFixed(0)} s without a pause${state}: plans count on that`
    : `as fast after ${seconds.toFixed(0)} s without a pause${state}`;
}

function mbit(bytesPerSecond: number): string {
  return `${((bytesPerSecond * 8) / 1e6).toPrecision(3)} Mbit/s`;
}
