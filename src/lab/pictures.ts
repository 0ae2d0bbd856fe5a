import {seededNumbers} from '../documents/seededNumbers.ts';

/**
 * Small colour pictures drawn from a seed: training and evaluation data for the quickstart, with nothing to download.
 * Every class appears at any place, size, angle and colour, so that a model must look at shapes, not at single pixels.
 * Only additions, multiplications, divisions and square roots of doubles are used, whose results the IEEE 754 standard
 * fixes to the last bit: the same seed gives the same bytes on every machine.
 */
export const PICTURE_SIZE = 32;

/** What each label stands for. */
export const PICTURE_CLASSES = [
  'disc',
  'ring',
  'square',
  'triangle',
  'cross',
  'star',
  'crescent',
  'bar',
  'stripes',
  'checks',
] as const;

const PLANE = PICTURE_SIZE * PICTURE_SIZE;
/** Bytes of one picture: three planes (red, green, blue) of 32×32. */
export const PICTURE_BYTES = 3 * PLANE;

export interface Picture {
  /** Shape [3, 32, 32], 0 to 255. */
  readonly pixels: Uint8Array;
  /** Index into PICTURE_CLASSES. */
  readonly label: number;
}

export interface Pictures {
  /** Shape [count, 3, 32, 32], 0 to 255. */
  readonly pixels: Uint8Array;
  /** Shape [count]; indices into PICTURE_CLASSES. */
  readonly labels: Uint8Array;
}

/** Pictures 0 to `count` - 1 of a seed, one after the other. */
export function drawPictures(seed: number, count: number): Pictures {
  const pixels = new Uint8Array(count * PICTURE_BYTES);
  const labels = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const picture = drawPicture(seed, index);
    pixels.set(picture.pixels, index * PICTURE_BYTES);
    labels[index] = picture.label;
  }
  return {pixels, labels};
}

/** One picture; independent of all others of its seed. */
export function drawPicture(seed: number, index: number): Picture {
  const random = randomFrom(seed, index);
  const label = Math.floor(random() * PICTURE_CLASSES.length);
  const canvas = new Float64Array(PICTURE_BYTES);

  const background = pickColour(random, []);
  const ink = pickColour(random, [background]);
  const secondInk = pickColour(random, [background, ink]);
  paintBackground(canvas, background, random);
  paintClutter(canvas, random);

  const isInShape = SHAPES[label] ?? SHAPES[0];
  const frame = pickFrame(random);
  const phase = random();
  paint(canvas, (x, y) => {
    const place = isInShape(...frame(x, y), phase);
    return place === 'ink' ? ink : place === 'second-ink' ? secondInk : null;
  });
  if (random() < 0.5) paintOccluder(canvas, random);

  return {pixels: quantiseWithNoise(canvas, random), label};
}

type Random = () => number;
type Colour = readonly [number, number, number];
type Place = 'ink' | 'second-ink' | 'outside';
/** Decides about a point of the shape's own frame, in which the shape fills about the unit circle. */
type Shape = (u: number, v: number, phase: number) => Place;

/** Seed and index are mixed so that neighbours share nothing. */
function randomFrom(seed: number, index: number): Random {
  return seededNumbers(mixBits(seed) ^ mixBits(index + 0x9e3779b9));
}

function mixBits(value: number): number {
  let bits = Math.imul((value ^ (value >>> 16)) | 0, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

const ink = (isInside: boolean): Place => (isInside ? 'ink' : 'outside');
const isInDisc = (u: number, v: number) => u * u + v * v <= 1;
const pattern = (u: number, v: number, isFirst: boolean): Place =>
  isInDisc(u, v) ? (isFirst ? 'ink' : 'second-ink') : 'outside';

// Outward normals of a regular pentagon's sides: cosine and sine of 90° + k·72°.
const PENTAGON = [
  [0, 1],
  [-0.9510565162951535, 0.3090169943749474],
  [-0.5877852522924731, -0.8090169943749475],
  [0.5877852522924731, -0.8090169943749475],
  [0.9510565162951535, 0.3090169943749474],
] as const;

/** In the order of PICTURE_CLASSES. */
const SHAPES: readonly [Shape, ...Shape[]] = [
  (u, v) => ink(isInDisc(u, v)),
  (u, v) => ink(isInDisc(u, v) && u * u + v * v >= 0.36),
  (u, v) => ink(Math.abs(u) <= 0.82 && Math.abs(v) <= 0.82),
  (u, v) => ink(v >= -0.55 && 0.8660254 * u + 0.5 * v <= 0.55 && -0.8660254 * u + 0.5 * v <= 0.55),
  (u, v) => ink((Math.abs(u) <= 0.3 && Math.abs(v) <= 1) || (Math.abs(v) <= 0.3 && Math.abs(u) <= 1)),
  // A pentagram is where at most one of the five lines through its sides has the point outside.
  (u, v) => ink(PENTAGON.filter(([a, b]) => a * u + b * v > 0.37).length <= 1),
  (u, v) => ink(isInDisc(u, v) && !isInDisc((u - 0.55) / 0.85, v / 0.85)),
  (u, v) => ink(Math.abs(u) <= 1.15 && Math.abs(v) <= 0.3),
  (u, v, phase) => pattern(u, v, Math.floor((u + phase) * 3) % 2 === 0),
  (u, v, phase) => pattern(u, v, (Math.floor((u + phase) * 2.2) + Math.floor((v + phase) * 2.2)) % 2 === 0),
];

/** Colours differ from each of `others` by at least 140 of 765, summed over the channels, so that shapes stay visible. */
function pickColour(random: Random, others: readonly Colour[]): Colour {
  for (;;) {
    const colour: Colour = [20 + 215 * random(), 20 + 215 * random(), 20 + 215 * random()];
    const isDistinct = others.every(
      other =>
        Math.abs(other[0] - colour[0]) + Math.abs(other[1] - colour[1]) + Math.abs(other[2] - colour[2]) >=
        140,
    );
    if (isDistinct) return colour;
  }
}

/** A unit vector at a random angle without sine or cosine, whose last bits depend on the machine's library. */
function pickDirection(random: Random): readonly [number, number] {
  for (;;) {
    const x = 2 * random() - 1;
    const y = 2 * random() - 1;
    const squared = x * x + y * y;
    if (squared > 0.01 && squared <= 1) return [x / Math.sqrt(squared), y / Math.sqrt(squared)];
  }
}

/** From picture coordinates to the shape's own: random centre, radius (8 to 12.5 pixels), stretch and angle. */
function pickFrame(random: Random): (x: number, y: number) => readonly [number, number] {
  const radius = 8 + 4.5 * random();
  const stretch = 0.87 + 0.26 * random();
  const centreX = PICTURE_SIZE / 2 + 8 * (random() - 0.5);
  const centreY = PICTURE_SIZE / 2 + 8 * (random() - 0.5);
  const [cosine, sine] = pickDirection(random);
  return (x, y) => {
    const right = x - centreX;
    const down = y - centreY;
    return [
      (cosine * right + sine * down) / (radius * stretch),
      ((cosine * down - sine * right) * stretch) / radius,
    ];
  };
}

function paintBackground(canvas: Float64Array, colour: Colour, random: Random): void {
  const [slopeX, slopeY] = pickDirection(random);
  const strength = 50 * random();
  for (let y = 0; y < PICTURE_SIZE; y++) {
    for (let x = 0; x < PICTURE_SIZE; x++) {
      const shade = (strength * (slopeX * (x - 15.5) + slopeY * (y - 15.5))) / 16;
      for (let channel = 0; channel < 3; channel++) {
        canvas[channel * PLANE + y * PICTURE_SIZE + x] = (colour[channel] ?? 0) + shade;
      }
    }
  }
}

/** Lines and blobs behind the shape. */
function paintClutter(canvas: Float64Array, random: Random): void {
  const count = 2 + Math.floor(4 * random());
  for (let piece = 0; piece < count; piece++) {
    const colour = pickColour(random, []);
    const centreX = PICTURE_SIZE * random();
    const centreY = PICTURE_SIZE * random();
    const [cosine, sine] = pickDirection(random);
    const halfLength = 1 + 7 * random();
    const halfWidth = 0.4 + 1.2 * random();
    paint(canvas, (x, y) => {
      const along = cosine * (x - centreX) + sine * (y - centreY);
      const across = cosine * (y - centreY) - sine * (x - centreX);
      return Math.abs(along) <= halfLength && Math.abs(across) <= halfWidth ? colour : null;
    });
  }
}

/** A small upright rectangle in front of everything. */
function paintOccluder(canvas: Float64Array, random: Random): void {
  const colour = pickColour(random, []);
  const centreX = PICTURE_SIZE * (0.15 + 0.7 * random());
  const centreY = PICTURE_SIZE * (0.15 + 0.7 * random());
  const halfWidth = 1 + 2.5 * random();
  const halfHeight = 1 + 2.5 * random();
  paint(canvas, (x, y) =>
    Math.abs(x - centreX) <= halfWidth && Math.abs(y - centreY) <= halfHeight ? colour : null,
  );
}

/** Paints where `colourAt` gives a colour, with 2×2 points to a pixel so that edges are smooth. */
function paint(canvas: Float64Array, colourAt: (x: number, y: number) => Colour | null): void {
  for (let y = 0; y < PICTURE_SIZE; y++) {
    for (let x = 0; x < PICTURE_SIZE; x++) {
      const at = y * PICTURE_SIZE + x;
      let covered = 0;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let point = 0; point < 4; point++) {
        const colour = colourAt(x + (point % 2 === 0 ? 0.25 : 0.75), y + (point < 2 ? 0.25 : 0.75));
        if (colour === null) continue;
        covered += 0.25;
        red += 0.25 * colour[0];
        green += 0.25 * colour[1];
        blue += 0.25 * colour[2];
      }
      if (covered === 0) continue;
      canvas[at] = (canvas[at] ?? 0) * (1 - covered) + red;
      canvas[PLANE + at] = (canvas[PLANE + at] ?? 0) * (1 - covered) + green;
      canvas[2 * PLANE + at] = (canvas[2 * PLANE + at] ?? 0) * (1 - covered) + blue;
    }
  }
}

/** Adds noise of a strength that differs from picture to picture (standard deviation 4 to 20) and rounds to bytes. */
function quantiseWithNoise(canvas: Float64Array, random: Random): Uint8Array {
  const strength = 4 + 16 * random();
  const pixels = new Uint8Array(canvas.length);
  canvas.forEach((value, at) => {
    // Four uniform numbers have the variance 4/12: their sum, centred, times the square root of 3 is close to a unit Gaussian.
    const noise = (random() + random() + random() + random() - 2) * 1.7320508;
    pixels[at] = Math.min(255, Math.max(0, Math.floor(value + strength * noise + 0.5)));
  });
  return pixels;
}
