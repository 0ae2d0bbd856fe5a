/**
 * P(X ≥ k) of a binomial with n trials of probability p, summed in logarithms so that nothing underflows early.
 */
export function binomialUpperTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  if (k > n || p <= 0) return 0;
  if (p >= 1) return 1;
  // The shorter way round: beyond the mean the terms fall, before it the other tail's do.
  if (k <= n * p) return 1 - sumFrom(0, k - 1, n, p);
  return sumFrom(k, n, n, p);
}

/** P(X ≤ k). */
export function binomialLowerTail(k: number, n: number, p: number): number {
  return 1 - binomialUpperTail(k + 1, n, p);
}

function sumFrom(first: number, last: number, n: number, p: number): number {
  const odds = Math.log(p) - Math.log1p(-p);
  let logTerm = logChoose(n, first) + first * Math.log(p) + (n - first) * Math.log1p(-p);
  let sum = 0;
  for (let k = first; k <= last; k++) {
    const term = Math.exp(logTerm);
    sum += term;
    if (k > n * p && term < sum * 1e-16) break;
    logTerm += Math.log(n - k) - Math.log(k + 1) + odds;
  }
  return Math.min(1, sum);
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Stirling's series from 20 on, exact below. @see https://dlmf.nist.gov/5.11 */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let factor = 2; factor <= n; factor++) product *= factor;
    return Math.log(product);
  }
  return (
    n * Math.log(n) -
    n +
    0.5 * Math.log(2 * Math.PI * n) +
    1 / (12 * n) -
    1 / (360 * n ** 3) +
    1 / (1260 * n ** 5)
  );
}
