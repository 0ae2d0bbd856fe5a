import {EXIT, ExpectedError} from '../../errors.ts';
import {roundHalfEven} from '../../quantize/roundHalfEven.ts';
import type {Image} from '../../workspace/data/decodeImage.ts';
import type {ResizeStep, ResolvedPreprocessing} from './resolvePreprocessing.ts';
import {resizeImage} from './resizeImage.ts';

/**
 * The image at the model's size: resized, then cropped. `name` is for the message.
 * @throws ExpectedError `wrong-input-shape` (exit 2) when the steps do not lead to the model's size
 */
export function placeImage(image: Image, steps: ResolvedPreprocessing, name: string): Image {
  const {height, width, resize, crop} = steps;
  const isReady = image.height === height && image.width === width;
  if (isReady && steps.takesReadyImages) return image;
  const resized = resize === null ? image : resizeAs(image, resize);
  const placed = crop === null ? resized : cropCentre(resized, crop);
  if (placed?.height === height && placed.width === width) return placed;
  const came = placed ?? resized;
  throw new ExpectedError(
    'wrong-input-shape',
    `${name} is ${image.width} × ${image.height} pixels${came === image ? '' : `, ${came.width} × ${came.height} after resizing`}; the model takes ${width} × ${height}.`,
    EXIT.usage,
    {hints: ['Set preprocessing.resize in edgewise.yaml: {mode: stretch} or {mode: letterbox}.']},
  );
}

function resizeAs(image: Image, step: ResizeStep): Image {
  const to = (height: number, width: number): Image =>
    resizeImage(image, {height, width}, step.interpolation, step.antialias);
  switch (step.mode) {
    case 'stretch':
      return to(step.height, step.width);
    case 'shortest-side': {
      // As torchvision's Resize: the longer side is cut, not rounded.
      const side = step.height;
      return image.width <= image.height
        ? to(Math.trunc((side * image.height) / image.width), side)
        : to(side, Math.trunc((side * image.width) / image.height));
    }
    case 'letterbox': {
      // As Ultralytics' LetterBox: an odd pixel of padding goes below and to the right.
      const ratio = Math.min(step.height / image.height, step.width / image.width);
      const inner = to(
        Math.max(1, roundHalfEven(image.height * ratio)),
        Math.max(1, roundHalfEven(image.width * ratio)),
      );
      return pad(inner, step);
    }
  }
}

function pad(image: Image, {height, width, padding}: ResizeStep): Image {
  const pixels = new Uint8Array(height * width * 3).fill(padding);
  const top = Math.floor((height - image.height) / 2);
  const left = Math.floor((width - image.width) / 2);
  for (let row = 0; row < image.height; row += 1) {
    const from = row * image.width * 3;
    pixels.set(image.pixels.subarray(from, from + image.width * 3), ((top + row) * width + left) * 3);
  }
  return {width, height, pixels};
}

/** `null` where the image is smaller. As torchvision's CenterCrop: half a pixel goes to the even side. */
function cropCentre(image: Image, {height, width}: {height: number; width: number}): Image | null {
  if (image.height < height || image.width < width) return null;
  const top = roundHalfEven((image.height - height) / 2);
  const left = roundHalfEven((image.width - width) / 2);
  const pixels = new Uint8Array(height * width * 3);
  for (let row = 0; row < height; row += 1) {
    const from = ((top + row) * image.width + left) * 3;
    pixels.set(image.pixels.subarray(from, from + width * 3), row * width * 3);
  }
  return {width, height, pixels};
}
