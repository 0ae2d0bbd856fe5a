import {expect, it} from 'vitest';
import {studentQuantile} from '../../../src/estimate/studentQuantile.ts';

/** As tables print them. */
it.each([
  [0.95, 1, 6.314],
  [0.95, 2, 2.92],
  [0.95, 3, 2.353],
  [0.975, 4, 2.776],
  [0.95, 10, 1.812],
  [0.995, 20, 2.845],
  [0.95, 120, 1.658],
])('t of %f with %i degrees of freedom is %f', (probability, freedom, expected) => {
  expect(Math.abs(studentQuantile(probability, freedom) / expected - 1)).toBeLessThan(0.005);
});
