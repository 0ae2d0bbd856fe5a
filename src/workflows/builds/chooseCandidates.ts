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
export function chooseCandidates(
  {name, recipe}: Target,
  precision: Precision | 'auto',
): readonly CandidateBuild[] {
  const {candidates, onRequest = []} = recipe;
  const fp32 = candidates.find(candidate => candidate.precision === 'fp32') ?? FP32;
  if (precision === 'auto') return candidates.includes(fp32) ? candidates : [...candidates, fp32];
  if (precision === 'fp32') return [fp32];
  const all = [...candidates, ...onRequest];
  const isIt = (candidate: CandidateBuild): boolean => candidate.precision === precision;
  const hasGeneral = candidates.some(candidate => isIt(candidate) && candidate.suits === 'every-model');
  // Who asks for a precision by name wants it for this model, though the recipe has it for others only.
  const chosen = all
    .filter(isIt)
    .map(candidate => (hasGeneral ? candidate : {...candidate, suits: 'every-model' as const}));
  if (chosen.length > 0) return [...chosen, fp32];
  const known = [...new Set([...all, fp32].map(candidate => candidate.precision))];
  throw new ExpectedError(
    'precision-unsupported',
    `Target ${name} has no way to ${precision}; it has ${known.join(', ')}.`,
    EXIT.unsupported,
    {hints: ['edgewise compile --precision auto']},
  );
}
