/** What an Ethernet frame carries of a TCP stream. */
const SEGMENT_BYTES = 1448;
/** Linux waits no shorter for an acknowledgement (TCP_RTO_MIN). */
const LEAST_TIMEOUT_MS = 200;
/** A lost SYN is sent again after this (RFC 6298, 2.1). */
const SYN_TIMEOUT_MS = 1000;

/**
 * How much later something arrives because of lost packets. TCP sends a lost one again after one round trip when others behind
 * it are acknowledged, else after its timeout, which doubles each time; what comes behind waits.
 * @see RFC 5681 (fast retransmit), RFC 6298 (timeout)
 */
export function delayByLossMs(
  sent:
    | {readonly kind: 'open' | 'other'}
    | {readonly kind: 'bytes'; readonly bytes: number; readonly isLast: boolean},
  {lossRate, roundTripMs}: {readonly lossRate: number; readonly roundTripMs: number},
  random: () => number,
): number {
  const packets = sent.kind === 'bytes' ? Math.ceil(sent.bytes / SEGMENT_BYTES) : 1;
  if (random() >= 1 - (1 - lossRate) ** packets) return 0;
  const timeoutMs = sent.kind === 'open' ? SYN_TIMEOUT_MS : roundTripMs + LEAST_TIMEOUT_MS;
  const isSeenAtOnce = sent.kind === 'bytes' && !sent.isLast;
  let delayMs = isSeenAtOnce ? roundTripMs : timeoutMs;
  for (let waitMs = timeoutMs; random() < lossRate; waitMs *= 2) delayMs += waitMs;
  return delayMs;
}

/**
 * What one connection can carry when packets get lost, in bytes per millisecond.
 * @see Mathis, Semke, Mahdavi, Ott: The macroscopic behavior of the TCP congestion avoidance algorithm (1997)
 */
export function lossyBytesPerMs(lossRate: number, roundTripMs: number): number {
  if (lossRate === 0 || roundTripMs === 0) return Infinity;
  return (SEGMENT_BYTES / roundTripMs) * Math.sqrt(1.5 / lossRate);
}
