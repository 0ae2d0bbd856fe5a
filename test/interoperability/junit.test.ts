import {execFileSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {describe, expect, it} from 'vitest';
import {deviceRolloutSchema, type RolloutSummary} from '../../src/documents/rollout.ts';
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

/** Counts what the schemas of Jenkins and of Surefire (whose files are one suite each) have against a report. */
const VALIDATE = `
import sys, json
from xml.etree import ElementTree
from xmlschema import XMLSchema
folder = sys.argv[1]
report = ElementTree.fromstring(sys.stdin.buffer.read())
jenkins, surefire = XMLSchema(folder + "/junit-10.xsd"), XMLSchema(folder + "/surefire-test-report.xsd")
print(json.dumps({
  "jenkins": [error.reason for error in jenkins.iter_errors(report)],
  "surefire": [error.reason for suite in report for error in surefire.iter_errors(suite)],
}))
`;
const SCHEMAS = fileURLToPath(new URL('../fixtures/junit', import.meta.url));

function validate(report: string): {jenkins: string[]; surefire: string[]} {
  const text = execFileSync(python ?? '', ['-c', VALIDATE, SCHEMAS], {input: report, encoding: 'utf8'});
  return JSON.parse(text) as {jenkins: string[]; surefire: string[]};
}

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

describe.skipIf(python === undefined)(
  'JUnit XML beside junitparser and xmlschema (set EDGEWISE_PYTHON)',
  () => {
    it('is valid by the whole schemas of Jenkins and Surefire, in every phase that a device may end in', () => {
      const [device] = SUMMARY.devices;
      const devices = deviceRolloutSchema.shape.phase.options.map(phase => ({
        ...device!,
        device: `pi-${phase}`,
        phase,
      }));
      for (const summary of [SUMMARY, {...SUMMARY, devices}, {...SUMMARY, waves: [], devices: []}])
        expect(validate(junitFromRollout(summary))).toEqual({jenkins: [], surefire: []});
    });

    it.for(['tests', 'name', 'time'])('would not be valid without %s', attribute => {
      const report = junitFromRollout(SUMMARY).replaceAll(new RegExp(` ${attribute}="[^"]*"`, 'g'), '');
      expect(validate(report).surefire).not.toEqual([]);
    });

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
  },
);
