import type {NamedTensors} from '../../documents/tensor.ts';
import {floatsOf} from '../../quantize/accuracy/floatsOf.ts';

const FLOATS: ReadonlySet<string> = new Set(['float32', 'float64', 'float16']);

/**
 * The largest difference between answers and what they should be, as a part of the output's largest value (NaN counts as
 * endless). Whole numbers may differ where two values are almost equal (a class of random noise), so only their shape is
 * compared.
 */
export function compareOutputs(
  answers: NamedTensors,
  golden: NamedTensors,
): {readonly largestDifference: number; readonly problem: string | null} {
  let largestDifference = 0;
  for (const [name, wanted] of Object.entries(golden)) {
    const answer = answers[name];
    if (answer === undefined) return {largestDifference, problem: `output ${name} is missing`};
    if (answer.elementType !== wanted.elementType || answer.shape.join() !== wanted.shape.join())
      return {
        largestDifference,
        problem: `output ${name} is ${answer.elementType}[${answer.shape.join()}] instead of ${wanted.elementType}[${wanted.shape.join()}]`,
      };
    if (!FLOATS.has(wanted.elementType)) continue;
    const values = floatsOf(answer);
    const expected = floatsOf(wanted);
    let range = 1e-6;
    for (const value of expected) range = Math.max(range, Math.abs(value));
    for (const [index, value] of values.entries()) {
      const difference = Math.abs(value - (expected[index] ?? NaN)) / range;
      const isSame = Object.is(value, expected[index]);
      largestDifference = Math.max(
        largestDifference,
        isSame ? 0 : Number.isNaN(difference) ? Infinity : difference,
      );
    }
  }
  return {largestDifference, problem: null};
}
