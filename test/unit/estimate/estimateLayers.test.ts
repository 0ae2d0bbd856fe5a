import {describe, expect, it} from 'vitest';
import {ExpectedError} from '../../../src/errors.ts';
import {estimateLayers} from '../../../src/estimate/estimateLayers.ts';
import {leaveOneOut} from '../../../src/estimate/leaveOneOut.ts';
import {convolution, MODELS, trueMs} from './madeUpMachine.ts';

const median = (values: readonly number[]): number =>
  [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? NaN;

describe('layer times that were not measured', () => {
  it('come near those of a machine that no line fits, where multiply-adds alone are far off', () => {
    const errors = (held: ReturnType<typeof leaveOneOut>): number =>
      median(held.map(({measuredMs, predictedMs}) => Math.abs(predictedMs / measuredMs - 1)));
    const perMultiplyAdd = errors(
      leaveOneOut(MODELS, undefined, models => {
        const layers = models.flatMap(model => model.layers);
        const sum = (pick: (layer: (typeof layers)[number]) => number) =>
          layers.reduce((total, layer) => total + pick(layer), 0);
        const rate = sum(({ms}) => ms) / sum(({multiplyAdds}) => multiplyAdds);
        return work => work.multiplyAdds * rate;
      }),
    );
    const own = errors(leaveOneOut(MODELS));
    expect(own).toBeLessThan(0.1);
    expect(perMultiplyAdd).toBeGreaterThan(3 * own);
  });

  it('grow with the work where nothing as large was measured', () => {
    const huge = convolution(512, 112, 3);
    const {layers} = estimateLayers(MODELS, [huge], 'pi');
    expect(layers[0]!.ms / trueMs(huge)).toBeGreaterThan(0.5);
    expect(layers[0]!.ms / trueMs(huge)).toBeLessThan(2);
  });

  it('have an interval that holds most of the models that were left out', () => {
    const held = MODELS.slice(0, 5).map((model, index) => {
      const others = MODELS.filter((_, at) => at !== index);
      const {layers, lowFactor, highFactor} = estimateLayers(others, model.layers, 'pi');
      const estimated = layers.reduce((sum, {ms}) => sum + ms, 0);
      const measured = model.layers.reduce((sum, {ms}) => sum + ms, 0);
      expect(lowFactor * highFactor).toBeCloseTo(1, 9);
      return measured >= estimated * lowFactor && measured <= estimated * highFactor;
    });
    expect(held.filter(Boolean).length).toBeGreaterThanOrEqual(4);
  });

  it.each([
    [0, 'none was measured'],
    [2, 'only net0 and net1 were measured'],
  ])('are refused with %i models', (count, words) => {
    const estimate = () => estimateLayers(MODELS.slice(0, count), MODELS[5]!.layers, 'pi-7');
    expect(estimate).toThrow(ExpectedError);
    expect(estimate).toThrow(words);
    expect(estimate).toThrow('pi-7');
  });
});
