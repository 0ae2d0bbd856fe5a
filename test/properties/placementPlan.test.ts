import fc from 'fast-check';
import {expect, test} from 'vitest';
import {arrangeDocument, yamlFromDocument} from '../../src/documents/printDocument.ts';
import {planFromYaml} from '../../src/documents/readDocument.ts';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import {ExpectedError} from '../../src/errors.ts';
import type {Plan} from '../../src/documents/plan.ts';
import type {ModelTimes} from '../../src/documents/profile.ts';
import {explainPlan} from '../../src/placement/explainPlan.ts';
import {planDocument} from '../../src/placement/planDocument.ts';
import type {PlacementProblem} from '../../src/placement/problem.ts';
import {randomProblem} from './randomProblems.ts';

const build = `sha256:${'a'.repeat(64)}`;
const measured = {medianMs: 0.5, spreadMs: 0, runs: 3, obtained: 'measured'} as const;

/** The plan for a model that has this problem's layers and tensors, with costs of the same proportions. */
function planFor(problem: PlacementProblem, keepRawInputOnDevice: boolean): Plan | null {
  const timesOf = (ms: (index: number) => number): ModelTimes => ({
    build,
    threads: 1,
    wholeRun: measured,
    requestOverhead: measured,
    sessionOverhead: measured,
    layers: problem.layers.map(({name}, index) => ({name, operator: 'Op', ms: ms(index)})),
  });
  const {link} = problem;
  try {
    return planDocument({
      header: writeHeader('plan', {version: '0', now: new Date(0), madeFrom: {}}),
      measurements: {
        build,
        layers: problem.layers.map(({name}, index) => ({
          name,
          operator: 'Op',
          inputs: problem.tensors
            .filter(({consumers}) => consumers.includes(index))
            .map(tensor => tensor.name),
          outputs: problem.tensors.filter(({producer}) => producer === index).map(tensor => tensor.name),
        })),
        tensors: problem.tensors.map(({name, bytes, producer, isOutput, canCross, headerBytes}) => ({
          name,
          ...(headerBytes === undefined ? {} : {headerBytes}),
          elementType: canCross ? 'uint8' : 'int4',
          shape: [bytes],
          isInput: producer === null,
          isOutput,
          isWeight: false,
        })),
        tiers: [
          {tier: 'device', machine: 'device', times: timesOf(index => problem.layers[index]!.deviceNs)},
          {tier: 'cloud', machine: 'cloud', times: timesOf(index => problem.layers[index]!.cloudNs ?? 0)},
        ],
        links:
          link === null
            ? []
            : [
                {
                  from: 'device',
                  to: 'cloud',
                  link: {
                    to: 'cloud',
                    fixedMs: link.fixedNs,
                    roundTripMs: link.fixedNs,
                    upBytesPerSecond: 1000 / (link.upNsPerByte + 0.1),
                    downBytesPerSecond: 1000 / (link.downNsPerByte + 0.1),
                    residualMs: 0,
                    samples: 3,
                    obtained: 'measured',
                    handover: {
                      fixedMs: link.cutFixedNs ?? 0,
                      nsPerByte: 1e6 * (link.handoverNsPerByte ?? 0),
                      samples: 3,
                      obtained: 'measured',
                    },
                  },
                },
              ],
        constraints: {
          keepRawInputOnDevice,
          pins: problem.layers.flatMap(({name, pin}) =>
            pin === undefined ? [] : [{layers: name, tier: pin.tier}],
          ),
        },
        tainted: new Set(),
      },
    });
  } catch (error) {
    if (error instanceof ExpectedError && error.code === 'nothing-feasible') return null;
    throw error;
  }
}

test('every plan is whole: it adds up, names each alternative its own way, and survives being printed', () => {
  let plans = 0;
  fc.assert(
    fc.property(randomProblem(12), fc.boolean(), (problem, keepRawInputOnDevice) => {
      const plan = planFor(problem, keepRawInputOnDevice);
      if (plan === null) return;
      plans += 1;
      expect(plan.layers.map(({name}) => name)).toEqual(problem.layers.map(({name}) => name));
      const names = plan.alternatives.map(({name}) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(plan.alternatives.filter(({verdict}) => verdict === 'chosen')).toHaveLength(1);
      expect(names).toContain('device-only');
      expect(names).toContain('cloud-only');
      for (const {becomes} of plan.changes ?? []) expect(names).toContain(becomes);
      for (const {verdict, predicted} of plan.alternatives)
        if (verdict !== 'not-allowed')
          expect(predicted!.latencyMs).toBeGreaterThanOrEqual(plan.predicted.latencyMs);
      const {latencyMs, deviceMs, linkMs, cloudMs, overheadMs} = plan.predicted;
      expect(Math.abs(deviceMs + linkMs + cloudMs + overheadMs - latencyMs)).toBeLessThanOrEqual(
        1e-9 * latencyMs,
      );
      if (keepRawInputOnDevice)
        for (const {tensor} of plan.cut)
          expect(problem.tensors.find(({name}) => name === tensor)!.producer).not.toBeNull();
      const text = yamlFromDocument('plan', plan);
      expect(planFromYaml(text, 'plan.yaml')).toEqual(arrangeDocument('plan', plan));
      const {groups} = explainPlan(plan);
      expect(groups.flatMap(({layers}) => layers)).toEqual(plan.layers.map(({name}) => name));
    }),
    {numRuns: 400},
  );
  expect(plans).toBeGreaterThan(150);
}, 120_000);
