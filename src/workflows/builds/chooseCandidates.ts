import type {Precision} from '../../documents/build.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {CandidateBuild, Target} from '../../targets/target.ts';

/** What everything else has to beat, for recipes that do not hold it. */
const FP32: CandidateBuild = {
  name: 'fp32',
  precision: 'fp32',
  reason: 'never hand out anything slower or worse than this',
  suits: 'every-model',
  scheme: null,
  loweredBy: 'edgewise',
  floatType: 'float32',
  optimisation: 'extended',
};

/**
 * The builds to make: the recipe's, or those of one precision when it was asked for; fp32 among them in any case.
 * @throws ExpectedError `precision-unsupported` (exit 13) when the target has no way to the precision
 */
export function chooseCandidates(target: Target, precision: Precision | 'auto'): CandidateBuild[] {
  const {candidates} = target.recipe;
  const fp32 = candidates.find(candidate => candidate.precision === 'fp32') ?? FP32;
  if (precision === 'auto') return candidates.includes(fp32) ? [...candidates] : [...candidates, fp32];
  const chosen = candidates
    .filter(candidate => candidate.precision === precision && candidate !== fp32)
    // Who asks for a precision by name wants it for this model.
    .map(candidate => ({...candidate, suits: 'every-model' as const}));
  if (chosen.length > 0 || precision === 'fp32') return [...chosen, fp32];
  if (precision === 'int8') {
    throw new ExpectedError(
      'precision-unsupported',
      `There is no way to ${precision} for target ${target.name}; its recipe has ${candidates.map(({name}) => name).join(', ')}.`,
      EXIT.unsupported,
      {hints: ['edgewise compile --precision auto']},
    );
  }
  return [{...FP32, name: precision, precision, reason: 'asked for', optimisation: 'basic'}, fp32];
}
