import {describe, expect, it} from 'vitest';
import {checkFeeds} from '../../../src/engine/checkFeeds.ts';
import {randomFeeds} from '../../../src/engine/randomFeeds.ts';
import {bytesFromStrings, stringsFromBytes} from '../../../src/engine/stringBytes.ts';
import {viewFromBytes} from '../../../src/engine/typedViews.ts';
import {ExpectedError} from '../../../src/errors.ts';

function codeOf(work: () => unknown): [string, string] {
  try {
    work();
  } catch (error) {
    if (error instanceof ExpectedError) return [error.code, error.message];
    throw error;
  }
  return ['none', ''];
}

describe('string tensors', () => {
  it('survive the way there and back', () => {
    const strings = ['', 'plain', 'überall', '深度', '\ufeffmark'];
    expect(stringsFromBytes(bytesFromStrings(strings))).toEqual(strings);
  });
  it.each([
    ['a cut-off length', [1, 0]],
    ['a length past the end', [5, 0, 0, 0, 65]],
    ['bytes that are not UTF-8', [1, 0, 0, 0, 0xff]],
  ])('refuse %s', (_, bytes) => {
    expect(() => stringsFromBytes(Uint8Array.from(bytes))).toThrow();
  });
});

describe('views', () => {
  it('copy what is unaligned instead of throwing', () => {
    const bytes = new Uint8Array(new ArrayBuffer(9), 1, 8);
    new DataView(bytes.buffer, 1).setFloat32(4, 2.5, true);
    expect([...viewFromBytes('float32', bytes)]).toEqual([0, 2.5]);
  });
  it('share memory where they can', () => {
    const bytes = new Uint8Array(8);
    viewFromBytes('float32', bytes)[1] = 1;
    expect(bytes[7]).toBe(0x3f);
  });
});

describe('feeds', () => {
  const inputs = [
    {name: 'image', elementType: 'float32', shape: ['batch', 2, null]},
    {name: 'flag', elementType: 'bool', shape: []},
  ] as const;
  const image = {elementType: 'float32', shape: [1, 2, 3], bytes: new Uint8Array(24)} as const;
  const flag = {elementType: 'bool', shape: [], bytes: new Uint8Array(1)} as const;

  it('come out in the order of the model', () => {
    expect(checkFeeds(inputs, {flag, image}).map(([name]) => name)).toEqual(['image', 'flag']);
  });
  it.each([
    ['an unknown name', {image, flag, extra: flag}, 'wrong-input-name', 'no input "extra"'],
    ['a missing input', {image}, 'wrong-input-name', '"flag" is missing'],
    [
      'another type',
      {image: {...image, elementType: 'float64' as const}, flag},
      'wrong-input-type',
      'float64; the model expects float32 (FP32)',
    ],
    [
      'another size',
      {image: {...image, shape: [1, 3, 2]}, flag},
      'wrong-input-shape',
      '[1,3,2]; the model expects [batch,2,?]',
    ],
    [
      'another rank',
      {image: {...image, shape: [2, 3]}, flag},
      'wrong-input-shape',
      '[2,3]; the model expects [batch,2,?]',
    ],
    [
      'too few bytes',
      {image: {...image, bytes: new Uint8Array(20)}, flag},
      'wrong-input-shape',
      '20 bytes; float32 [1,2,3] takes 24',
    ],
  ])('are refused for %s', (_, feeds, code, part) => {
    const [found, message] = codeOf(() => checkFeeds(inputs, feeds));
    expect(found).toBe(code);
    expect(message).toContain(part);
  });
});

describe('random feeds', () => {
  const specs = [
    {name: 'f', elementType: 'float32', shape: [50]},
    {name: 'h', elementType: 'float16', shape: [50]},
    {name: 'l', elementType: 'int64', shape: [50]},
    {name: 'b', elementType: 'bool', shape: [50]},
    {name: 's', elementType: 'string', shape: [3]},
  ] as const;
  it('are the same for the same seed and differ for another', () => {
    expect(randomFeeds(specs, 5)).toEqual(randomFeeds(specs, 5));
    expect(randomFeeds(specs, 5)).not.toEqual(randomFeeds(specs, 6));
  });
  it('stay in their ranges', () => {
    const feeds = randomFeeds(specs, 5);
    const floats = [...viewFromBytes('float32', feeds['f']!.bytes)];
    expect(floats.every(value => value >= 0 && value < 1)).toBe(true);
    expect(new Set(floats).size).toBeGreaterThan(40);
    const halves = [...viewFromBytes('float16', feeds['h']!.bytes)].map(bits => (bits >> 10) - 15);
    expect(halves.every(exponent => exponent < 0)).toBe(true);
    expect([...viewFromBytes('int64', feeds['l']!.bytes)].every(value => value >= 0n && value < 8n)).toBe(
      true,
    );
    expect(new Set(feeds['b']!.bytes)).toEqual(new Set([0, 1]));
    expect(stringsFromBytes(feeds['s']!.bytes)).toHaveLength(3);
  });
  it('refuse what the runtime cannot exchange', () => {
    expect(codeOf(() => randomFeeds([{name: 'x', elementType: 'int4', shape: [2]}], 1))[0]).toBe(
      'unsupported-tensor-type',
    );
  });
});
