import {readFile} from 'node:fs/promises';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {refuseMissing} from './fileBytes.ts';

/** Red, green and blue bytes, row by row from the top left. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/**
 * An image file's pixels as sRGB, upright as its EXIF orientation says. As in training pipelines (Pillow's
 * `convert('RGB')`), transparency is dropped and an embedded colour profile is not applied.
 * @throws ExpectedError `no-such-file`, `image-unreadable` (exit 10)
 */
export async function decodeImage(path: string): Promise<Image> {
  // Read here rather than by libvips, which keeps what it once opened under a name.
  const bytes = await readFile(path).catch(error => refuseMissing(error, path));
  const {default: sharp} = await import('sharp');
  try {
    // Damaged or cut short is refused; a mere warning (bytes between two markers, say) is not.
    const {data, info} = await sharp(bytes, {failOn: 'error', ignoreIcc: true})
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw({depth: 'uchar'})
      .toBuffer({resolveWithObject: true});
    return {width: info.width, height: info.height, pixels: rgbFrom(data, info.channels)};
  } catch (error) {
    throw new ExpectedError(
      'image-unreadable',
      `${path} cannot be decoded: ${messageOf(error).replace(/\s+/g, ' ').trim()}.`,
      EXIT.invalidDocument,
      {hints: ['Leave the file out, or save it again as PNG or JPEG.'], cause: error},
    );
  }
}

function rgbFrom(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  if (channels !== 1) throw new RangeError(`an image of ${channels} channels`);
  const rgb = new Uint8Array(data.length * 3);
  for (let at = 0; at < data.length; at += 1) rgb.fill(data[at] ?? 0, at * 3, at * 3 + 3);
  return rgb;
}
