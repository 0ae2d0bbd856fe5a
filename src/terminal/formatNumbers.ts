import {NO_SIGNAL_DB} from '../documents/noSignal.ts';

/** Numbers as people read them. Three significant digits: measurements carry no more. */

const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
const BIT_UNITS = ['bit', 'kbit', 'Mbit', 'Gbit', 'Tbit'];
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T', 'P'];

/** SI units (1 kB = 1,000 B): "512 B", "16.4 kB", "2.17 MB". */
export function formatBytes(bytes: number): string {
  const {value, unit} = scaled(bytes, SIZE_UNITS);
  return `${value} ${unit}`;
}

export function formatBytesPerSecond(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Bandwidths as they are spoken of: "19.8 Mbit/s", "2.44 Gbit/s". */
export function formatBitsPerSecond(bytesPerSecond: number): string {
  const {value, unit} = scaled(bytesPerSecond * 8, BIT_UNITS);
  return `${value} ${unit}/s`;
}

/** Counts such as multiply-adds: "640", "524 k", "6.12 M". */
export function formatCount(count: number): string {
  const {value, unit} = scaled(count, COUNT_UNITS);
  return unit === '' ? value : `${value} ${unit}`;
}

/** Durations: "0.0413 ms", "8.2 ms", "3.2 s", "2 min 5 s". */
export function formatMs(ms: number): string {
  if (ms < 999.5) return `${significant(ms)} ms`;
  if (ms < 59_950) return `${significant(ms / 1000)} s`;
  return formatWholeSeconds(ms / 1000);
}

/** How long something still takes: whole seconds, because more would flicker. */
export function formatTimeLeft(ms: number): string {
  return `${formatWholeSeconds(Math.max(1, ms / 1000))} left`;
}

/** "45 %", "99.2 %". Never rounds up to 100 % what is below it. */
export function formatShare(share: number): string {
  const percent = share * 100;
  const rounded = percent < 100 && percent > 99.9 ? '99.9' : significant(percent);
  return `${rounded} %`;
}

export function formatSamples(count: number): string {
  return count === 1 ? '1 sample' : `${count} samples`;
}

/** Of the original over the difference; documents have `null` where there is none. */
export function formatDecibels(decibels: number | null): string {
  if (decibels === null) return 'equal';
  return decibels <= NO_SIGNAL_DB ? 'no signal (not numbers)' : `${decibels.toFixed(1)} dB`;
}

/** One table column of numbers: as many decimals for all as the largest of `alike` needs for three significant digits. */
export function formatColumn(
  values: readonly (number | null)[],
  alike: readonly (number | null)[] = values,
): string[] {
  const largest = Math.max(0, ...alike.filter(value => value !== null).map(Math.abs));
  const decimals = largest >= 100 ? 1 : largest >= 1 ? 2 : largest >= 0.1 ? 3 : 4;
  return values.map(value => (value === null ? '-' : value.toFixed(decimals)));
}

function formatWholeSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function scaled(number: number, units: readonly string[]): {value: string; unit: string} {
  let value = number;
  let step = 0;
  // 999.5 and up would be printed as 1000.
  while (Math.abs(value) >= 999.5 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return {
    value: step === 0 && Number.isInteger(value) ? String(value) : significant(value),
    unit: units[step] ?? '',
  };
}

function significant(value: number): string {
  if (Math.abs(value) >= 999.5) return String(Math.round(value));
  if (Math.abs(value) < 0.00005) return '0';
  return String(Number(value.toPrecision(3)));
}
