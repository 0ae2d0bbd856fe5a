import {ReportUnreadable} from './compilerJob.ts';

/** A report as JSON. @throws ReportUnreadable when it is not there or no JSON */
export function readJson(reports: ReadonlyMap<string, string>, name: string): unknown {
  const text = reports.get(name);
  if (text === undefined) throw new ReportUnreadable(name, 'it was not written');
  try {
    return JSON.parse(text);
  } catch {
    throw new ReportUnreadable(name, 'it is not JSON');
  }
}

/** The value as a list of objects. @throws ReportUnreadable */
export function recordsOf(value: unknown, report: string): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) throw new ReportUnreadable(report, 'it is not a list');
  return value.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}

/** A number of a record. @throws ReportUnreadable */
export function numberOf(record: Readonly<Record<string, unknown>>, key: string, report: string): number {
  const value = record[key];
  if (typeof value !== 'number') throw new ReportUnreadable(report, `"${key}" is missing or no number`);
  return value;
}
