import {describe, expect, it} from 'vitest';
import {STYLE} from './samplePlans.ts';

type Rgb = readonly [number, number, number];

const [light = '', dark = ''] = [...STYLE.matchAll(/:root \{([^}]*--surface[^}]*)\}/g)].map(
  ([, body = '']) => body,
);

function colour(scheme: string, name: string): Rgb {
  const hex = new RegExp(`--${name}: #([0-9a-f]{6});`).exec(scheme)?.[1] ?? '';
  return [0, 2, 4].map(at => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
}

/** @see Web Content Accessibility Guidelines 2.2, relative luminance and contrast ratio */
function contrast(one: Rgb, other: Rgb): number {
  const luminance = (rgb: Rgb): number => {
    const [red = 0, green = 0, blue = 0] = rgb.map(value => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((left, right) => left - right);
  return (high + 0.05) / (low + 0.05);
}

describe.each([
  ['light', light],
  ['dark', dark],
])('the colours of the %s page', (_, scheme) => {
  it.each([
    ['text', 'surface'],
    ['muted', 'surface'],
    ['cut', 'surface'],
    ['device', 'device-tint'],
    ['cloud', 'cloud-tint'],
    // A bar's parts against what they stand on.
    ['device', 'surface'],
    ['link', 'surface'],
    ['cloud', 'surface'],
    ['serving', 'surface'],
  ])('let %s be read on %s', (text, ground) =>
    expect(contrast(colour(scheme, text), colour(scheme, ground))).toBeGreaterThanOrEqual(4.5),
  );
});

it('a contrast that is known comes out right', () =>
  // The example of the guidelines: #777777 on white is just too little.
  expect(contrast([0x77, 0x77, 0x77], [255, 255, 255])).toBeCloseTo(4.48, 2));
