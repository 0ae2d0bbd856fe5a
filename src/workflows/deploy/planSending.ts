/** The end excluded. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface BlobToSend {
  readonly digest: string;
  /** Where it lies on this machine. */
  readonly source: string;
  readonly sizeBytes: number;
  /** What is still to be written into its part, ascending, each from a whole block on; `null`: all of it. */
  readonly ranges: readonly ByteRange[] | null;
}

/** What one stream carries. */
export type Sending =
  | {
      readonly kind: 'stripe';
      readonly blob: BlobToSend;
      readonly start: number;
      readonly sizeBytes: number;
    }
  | {readonly kind: 'bundle'; readonly blobs: readonly BlobToSend[]; readonly sizeBytes: number};

/** The unit of places in a part: what `dd` on the device counts in. */
export const BLOCK_BYTES = 64 * 1024;
/** Smaller ones travel together, and so do few bytes: each stream of its own costs two round trips and some processes there. */
const BUNDLED_BELOW_BYTES = 1024 * 1024;
const BUNDLE_BYTES = 4 * 1024 * 1024;
/** Less than sshd's window of a channel: it is on its way at once. */
const LEAST_BUNDLE_BYTES = 2 * BUNDLED_BELOW_BYTES;
const LEAST_STRIPE_BYTES = 1024 * 1024;
/** Stripes that are not too long let the streams end together. */
const MOST_STRIPE_BYTES = 16 * 1024 * 1024;

/** Cuts what is to be sent into about equal pieces of work, the largest first. */
export function planSending(
  blobs: readonly BlobToSend[],
  {streams, canBundle}: {readonly streams: number; readonly canBundle: boolean},
): Sending[] {
  const isSmall = ({sizeBytes, ranges}: BlobToSend): boolean =>
    canBundle && ranges === null && sizeBytes < BUNDLED_BELOW_BYTES;
  const large = blobs.filter(blob => !isSmall(blob));
  const ranges = large.flatMap(blob =>
    (blob.ranges ?? [{start: 0, end: blob.sizeBytes}]).map(range => ({blob, ...range})),
  );
  const totalBytes = ranges.reduce((sum, {start, end}) => sum + end - start, 0);
  const share = Math.ceil(totalBytes / streams / BLOCK_BYTES) * BLOCK_BYTES;
  const stripeBytes = Math.min(MOST_STRIPE_BYTES, Math.max(LEAST_STRIPE_BYTES, share));
  const sendings: Sending[] = ranges.flatMap(({blob, start, end}) => {
    const count = Math.max(1, Math.ceil((end - start) / stripeBytes));
    return Array.from({length: count}, (_, at) => {
      const from = start + at * stripeBytes;
      return {
        kind: 'stripe' as const,
        blob,
        start: from,
        sizeBytes: Math.min(end, from + stripeBytes) - from,
      };
    });
  });
  return [...sendings, ...bundlesOf(blobs.filter(isSmall), streams)].toSorted(
    (a, b) => b.sizeBytes - a.sizeBytes,
  );
}

function bundlesOf(blobs: readonly BlobToSend[], streams: number): Sending[] {
  const totalBytes = blobs.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
  const bundleBytes = Math.min(BUNDLE_BYTES, Math.max(LEAST_BUNDLE_BYTES, totalBytes / streams));
  const bundles: {kind: 'bundle'; blobs: BlobToSend[]; sizeBytes: number}[] = [];
  for (const blob of blobs) {
    const last = bundles.at(-1);
    if (last === undefined || last.sizeBytes + blob.sizeBytes > bundleBytes)
      bundles.push({kind: 'bundle', blobs: [blob], sizeBytes: blob.sizeBytes});
    else {
      last.blobs.push(blob);
      last.sizeBytes += blob.sizeBytes;
    }
  }
  return bundles;
}
