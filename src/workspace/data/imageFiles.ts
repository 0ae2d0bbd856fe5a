import {readdir, realpath, stat} from 'node:fs/promises';
import {extname, join} from 'node:path';

/** By these names a file is taken for an image; whether it can be decoded is seen when it is. */
const IMAGE_EXTENSIONS = new Set(
  ['jpg', 'jpeg', 'png', 'webp', 'gif', 'tif', 'tiff', 'avif', 'bmp', 'heic'].map(name => `.${name}`),
);

export function isImageName(path: string): boolean {
  return IMAGE_EXTENSIONS.has(extname(path).toLowerCase());
}

/**
 * Paths of the images below a folder, relative to it with `/`, in the order of their names within each folder (by code
 * unit, the same on every machine). Links are followed, hidden files and folders left out.
 */
export async function listImages(folder: string): Promise<string[]> {
  const found: string[] = [];
  await collect(folder, '', [], found);
  return found;
}

async function collect(
  root: string,
  below: string,
  above: readonly string[],
  found: string[],
): Promise<void> {
  const folder = join(root, below);
  const real = await realpath(folder);
  // A link to a folder that it lies in would go round for ever.
  if (above.includes(real)) return;
  const entries = await readdir(folder, {withFileTypes: true});
  const byName = entries
    .filter(({name}) => !name.startsWith('.'))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of byName) {
    const relative = below === '' ? entry.name : `${below}/${entry.name}`;
    const isFolder = entry.isSymbolicLink()
      ? await stat(join(root, relative)).then(
          stats => stats.isDirectory(),
          () => false,
        )
      : entry.isDirectory();
    if (isFolder) await collect(root, relative, [...above, real], found);
    else if (isImageName(entry.name)) found.push(relative);
  }
}
