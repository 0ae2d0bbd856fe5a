/**
 * Writes the pictures that train.py learns from and is judged by: `node bench/quickstart-model/export-pictures.ts FOLDER`.
 * Evaluation pictures come from another seed than training pictures.
 */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {drawPictures} from '../../src/lab/pictures.ts';
import {npyFromTensor} from '../../src/workspace/npy.ts';

const SETS = [
  {name: 'train', seed: 20_250_101, count: 60_000},
  {name: 'eval', seed: 7, count: 480},
];

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('usage: node bench/quickstart-model/export-pictures.ts FOLDER\n');
  process.exitCode = 2;
} else {
  mkdirSync(folder, {recursive: true});
  for (const {name, seed, count} of SETS) {
    const {pixels, labels} = drawPictures(seed, count);
    const pictures = npyFromTensor({elementType: 'uint8', shape: [count, 3, 32, 32], bytes: pixels});
    writeFileSync(join(folder, `${name}-pictures.npy`), pictures);
    writeFileSync(
      join(folder, `${name}-labels.npy`),
      npyFromTensor({elementType: 'uint8', shape: [count], bytes: labels}),
    );
    process.stdout.write(`${name}: ${count} pictures from seed ${seed}\n`);
  }
}
