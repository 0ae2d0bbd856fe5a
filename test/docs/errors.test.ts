import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {EXIT} from '../../src/errors.ts';
import {collectErrorCodes} from '../tools/errorCodes.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| `([a-z0-9-]+)` \| ([\d, ]+) \| (.+) \|$/gm)].map(([, code, exits]) => [
    code!,
    exits!.split(',').map(Number),
  ]),
);
const {codes, forwards} = collectErrorCodes();

describe('docs/errors.md', () => {
  it('has every code that the sources throw', () => {
    expect(codes.map(({code}) => code).filter(code => !rows.has(code))).toEqual([]);
  });

  it('has no code that the sources no longer throw', () => {
    const thrown = new Set(codes.map(({code}) => code));
    expect([...rows.keys()].filter(code => !thrown.has(code))).toEqual([]);
  });

  it('gives each code the exit codes of the sources', () => {
    const different = codes
      .filter(({code, exits}) => exits.some(exit => rows.get(code)?.includes(exit) !== true))
      .map(({code, exits, files}) => `${code}: ${exits.join(', ')} in ${files.join(', ')}`);
    expect(different).toEqual([]);
  });

  it('lists the codes in order', () => {
    expect([...rows.keys()]).toEqual([...rows.keys()].sort());
  });

  it('explains every exit code', () => {
    const explained = new Set([...page.matchAll(/^\| (\d+) \| /gm)].map(([, exit]) => Number(exit)));
    expect(Object.values(EXIT).filter(exit => !explained.has(exit))).toEqual([]);
  });

  it('need not fear codes that are made at run time', () => {
    // Each hands on the code of an ExpectedError that was made elsewhere: in the lab's process, by the cloud's client, in a
    // worker's thread, or on the device.
    expect(forwards).toEqual([
      'src/lab/lab.ts: report.code',
      'src/workflows/deploy/deployRelease.ts: error.code',
      'src/workflows/deploy/explainFailedWrite.ts: reason.code',
      'src/workflows/deploy/runOnDevice.ts: error.code',
      'src/workflows/loadCloudModel.ts: error.code',
      'src/workflows/workerJob.ts: code',
    ]);
  });
});
