import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {splitSamples} from '../../../src/workflows/splitSamples.ts';

const parts = {calibration: fc.nat(60), heldOut: fc.nat(60), seed: fc.nat()};

describe('calibration and held-out samples', () => {
  it('are disjoint, in order, and as many as asked for where there are enough', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.record(parts), (count, request) => {
        const {calibration, heldOut} = splitSamples(count, request);
        const all = [...calibration, ...heldOut];
        expect(new Set(all).size).toBe(all.length);
        expect(all.every(sample => sample >= 0 && sample < count)).toBe(true);
        for (const part of [calibration, heldOut])
          expect([...part].sort((one, other) => one - other)).toEqual(part);
        if (request.calibration + request.heldOut <= count)
          expect([calibration.length, heldOut.length]).toEqual([request.calibration, request.heldOut]);
        else {
          expect(all.length).toBe(count);
          if (count > 1 && request.calibration > 0) expect(calibration.length).toBeGreaterThan(0);
          if (count > 1 && request.heldOut > 0) expect(heldOut.length).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('have each class in its proportion, to less than a sample', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), {minLength: 1, maxLength: 80}), fc.record(parts), (labels, request) => {
        const {calibration} = splitSamples(labels.length, {...request, labels});
        for (const label of new Set(labels)) {
          const share = (calibration.length * labels.filter(each => each === label).length) / labels.length;
          const taken = calibration.filter(sample => labels[sample] === label).length;
          expect(Math.abs(taken - share)).toBeLessThan(1);
        }
      }),
    );
  });

  it('are the same for the same seed and others for another', () => {
    const split = (seed: number) => splitSamples(1000, {calibration: 100, heldOut: 50, seed});
    expect(split(1)).toEqual(split(1));
    expect(split(1)).not.toEqual(split(2));
  });

  it('are neighbours of their kind, in each class, when stretches are asked for', () => {
    const labels = Array.from({length: 60}, (_, sample) => sample % 3);
    const request = {calibration: 30, heldOut: 15, seed: 5, labels, isInStretches: true};
    const {calibration, heldOut} = splitSamples(60, request);
    expect(calibration).toEqual(Array.from({length: 30}, (_, sample) => 30 + sample));
    expect(heldOut).toEqual(Array.from({length: 15}, (_, sample) => 15 + sample));
  });

  it('share three samples out when far more are asked for', () => {
    const {calibration, heldOut} = splitSamples(3, {calibration: 300, heldOut: 100, seed: 0});
    expect([calibration.length, heldOut.length]).toEqual([2, 1]);
  });
});
