import {describe, expect, it} from 'vitest';
import {BLOCK_BYTES, planSending, type BlobToSend} from '../../../../src/workflows/deploy/planSending.ts';

const MEBI = 2 ** 20;

function blob(name: string, sizeBytes: number, ranges: BlobToSend['ranges'] = null): BlobToSend {
  return {digest: `sha256:${name}`, source: name, sizeBytes, ranges};
}

describe('planSending', () => {
  it('cuts a large blob into as many stripes as there are streams, without gap or overlap', () => {
    const sizeBytes = 100 * MEBI + 17;
    const stripes = planSending([blob('a', sizeBytes)], {streams: 7, canBundle: true}).flatMap(sending =>
      sending.kind === 'stripe' ? [sending] : [],
    );
    expect(stripes).toHaveLength(7);
    let at = 0;
    for (const stripe of stripes.toSorted((one, other) => one.start - other.start)) {
      expect(stripe.start).toBe(at);
      expect(stripe.start % BLOCK_BYTES).toBe(0);
      at += stripe.sizeBytes;
    }
    expect(at).toBe(sizeBytes);
  });

  it('sends of a blob that was cut off only the ranges that are left', () => {
    const ranges = [
      {start: MEBI, end: 2 * MEBI},
      {start: 5 * MEBI, end: 5 * MEBI + 10},
    ];
    const sendings = planSending([blob('a', 5 * MEBI + 10, ranges)], {streams: 4, canBundle: true});
    expect(sendings.map(({kind, sizeBytes}) => [kind, sizeBytes])).toEqual([
      ['stripe', MEBI],
      ['stripe', 10],
    ]);
    expect(planSending([blob('a', 5 * MEBI, [])], {streams: 4, canBundle: true})).toEqual([]);
  });

  it('bundles small blobs, each once; where nothing unpacks them each has a stream of its own', () => {
    const blobs = Array.from({length: 300}, (_, index) => blob(String(index), 1000 + index));
    const bundled = planSending(blobs, {streams: 7, canBundle: true});
    expect(bundled.length).toBeLessThanOrEqual(8);
    const names = bundled.flatMap(sending => (sending.kind === 'bundle' ? sending.blobs : []));
    expect(names.map(({source}) => Number(source)).sort((a, b) => a - b)).toEqual(
      blobs.map((_, index) => index),
    );
    const single = planSending([...blobs, blob('empty', 0)], {streams: 7, canBundle: false});
    expect(single.map(({kind}) => kind)).toEqual(new Array(301).fill('stripe'));
  });
});
