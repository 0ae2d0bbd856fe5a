import {execFileSync} from 'node:child_process';
import {describe, expect, it} from 'vitest';
import type {RolloutSummary} from '../../src/documents/rollout.ts';
import {junitFromRollout} from '../../src/rollout/junitFromRollout.ts';

const python = process.env['EDGEWISE_PYTHON'];

/** What CI systems would show, as a reader of JUnit files sees it that nobody here wrote. */
const SCRIPT = `
import sys, json
from junitparser import JUnitXml
report = JUnitXml.fromstring(sys.stdin.buffer.read())
print(json.dumps([{
  "suite": suite.name, "tests": suite.tests, "failures": suite.failures, "errors": suite.errors, "skipped": suite.skipped,
  "cases": [{"name": case.name, "classname": case.classname,
    "results": [[type(result).__name__, result.message] for result in case.result]} for case in suite],
} for suite in report]))
`;

/** Everything that XML could stumble over, and what it cannot hold: left out of what is read back. */
const HOSTILE = 'it said <"\'&]]> \u0000\u001B[31m\uFFFE and 日本 🙂';
const READ_BACK = 'it said <"\'&]]> [31m and 日本 🙂';

const SUMMARY: RolloutSummary = {
  id: 'r-0123456789ab-1',
  startedAt: '2026-01-31T12:00:00Z',
  outcome: 'reverted',
  reason: HOSTILE,
  waves: [
    {
      wave: 1,
      devices: 3,
      verdict: 'fail',
      gates: [
        {gate: 'failures', verdict: 'pass', reason: 'none failed'},
        {gate: 'p95', verdict: 'fail', reason: HOSTILE},
        {gate: 'memory', verdict: 'inconclusive', reason: 'too few samples'},
      ] as unknown as RolloutSummary['waves'][number]['gates'],
    },
    {wave: 2, devices: 1, verdict: null, gates: []},
  ],
  devices: [
    {device: 'pi-1', hardwareClass: 'arm64', wave: 1, phase: 'confirmed', release: null, detail: null},
    {device: 'pi-2', hardwareClass: 'arm64', wave: 1, phase: 'reverted', release: null, detail: HOSTILE},
    {device: 'pi-3', hardwareClass: 'arm64', wave: 1, phase: 'deferred', release: null, detail: 'off'},
    {device: 'pi-4', hardwareClass: 'arm64', wave: 2, phase: 'waiting', release: null, detail: null},
  ],
};

describe.skipIf(python === undefined)('JUnit XML beside junitparser (set EDGEWISE_PYTHON)', () => {
  it('is read as one suite a wave, with a case for each gate and device', () => {
    const text = execFileSync(python ?? '', ['-c', SCRIPT], {
      input: junitFromRollout(SUMMARY),
      encoding: 'utf8',
    });
    const first = 'r-0123456789ab-1 wave 1';
    const second = 'r-0123456789ab-1 wave 2';
    const caseOf = (suite: string, name: string, ...results: [string, string][]) => ({
      name,
      classname: suite,
      results,
    });
    expect(JSON.parse(text)).toEqual([
      {
        suite: first,
        tests: 6,
        failures: 2,
        errors: 0,
        skipped: 2,
        cases: [
          caseOf(first, 'gate failures'),
          caseOf(first, 'gate p95', ['Failure', READ_BACK]),
          caseOf(first, 'gate memory', ['Skipped', 'too few samples']),
          caseOf(first, 'device pi-1'),
          caseOf(first, 'device pi-2', ['Failure', `reverted: ${READ_BACK}`]),
          caseOf(first, 'device pi-3', ['Skipped', 'deferred: off']),
        ],
      },
      {
        suite: second,
        tests: 1,
        failures: 0,
        errors: 0,
        skipped: 1,
        cases: [caseOf(second, 'device pi-4', ['Skipped', 'waiting: '])],
      },
    ]);
  });
});
