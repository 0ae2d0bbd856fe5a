import type {GateResult} from '../../documents/rollout.ts';

/** Chance of failing a wave at half the allowed rate. */
const FALSE_ALARM = 0.01;
/** Chance of passing one at twice the allowed rate: promotions do the harm. */
const FALSE_PASS = 0.0001;

/**
 * Failed requests against the allowed rate by Wald's sequential test of rate/2 against rate × 2: it may be looked at after
 * every request without the chances growing.
 * @see A. Wald, Sequential Tests of Statistical Hypotheses, 1945, section 5.3
 */
export function judgeErrorRate(
  {requests, errors}: {readonly requests: number; readonly errors: number},
  allowedRate: number,
  minSamples: number,
): GateResult {
  const seen = `${errors} of ${requests} requests failed; ${(allowedRate * 100).toFixed(1)} % are allowed`;
  const result = (verdict: GateResult['verdict'], reason = seen): GateResult => ({
    gate: 'error-rate',
    verdict,
    reason,
  });
  if (allowedRate <= 0 || allowedRate >= 1) {
    const isTooMany = allowedRate <= 0 && errors > 0;
    if (isTooMany) return result('fail');
    return requests < minSamples ? result('inconclusive', tooFew(requests, minSamples)) : result('pass');
  }
  const good = allowedRate / 2;
  const bad = Math.min(allowedRate * 2, (1 + allowedRate) / 2);
  const evidence =
    errors * Math.log(bad / good) + (requests - errors) * (Math.log1p(-bad) - Math.log1p(-good));
  if (evidence >= Math.log((1 - FALSE_PASS) / FALSE_ALARM)) return result('fail');
  if (requests < minSamples) return result('inconclusive', tooFew(requests, minSamples));
  if (evidence <= Math.log(FALSE_PASS / (1 - FALSE_ALARM))) return result('pass');
  return result('inconclusive', `${seen}; more requests are needed to tell`);
}

function tooFew(requests: number, minSamples: number): string {
  return `${requests} requests are too few; ${minSamples} are needed`;
}
