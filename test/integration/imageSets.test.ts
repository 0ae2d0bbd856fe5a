import {mkdir, readFile, writeFile} from 'node:fs/promises';
import sharp from 'sharp';
import {describe, expect, it} from 'vitest';
import type {DataSource} from '../../src/documents/dataSource.ts';
import type {DataSetOptions} from '../../src/workflows/openDataSet.ts';
import {input, refusal, useDataFolder, valuesOf} from './dataFolder.ts';

const {at, open, writeImage} = useDataFolder();

describe('images of a folder', () => {
  it('are decoded whatever their format, in the order of their names', async () => {
    await writeImage('plain/b.png', [10, 20, 30]);
    await writeImage('plain/a.webp', [0, 0, 0]);
    await writeImage('plain/sub/c.gif', [255, 255, 255]);
    await writeImage('plain/d.tiff', [1, 2, 3]);
    const set = await open(at('plain'), [input([1, 3, 4, 4])], {preprocessing: 'raw'});
    expect(set).toMatchObject({
      sampleCount: 4,
      requestCount: 4,
      rowsPerRequest: 1,
      isRandom: false,
      labels: null,
      notes: [],
    });
    const reds = [];
    for (let index = 0; index < 4; index++) {
      const {x} = await set.readRequest(index);
      expect(x?.shape).toEqual([1, 3, 4, 4]);
      reds.push(valuesOf(x)[0]);
    }
    expect(reds).toEqual([0, 10, 1, 255]);
    await expect(set.readRequest(4)).rejects.toThrow(RangeError);
  });

  it('stand upright as their EXIF orientation says', async () => {
    const left = await sharp({create: {width: 8, height: 4, channels: 3, background: 'black'}})
      .composite([
        {input: {create: {width: 4, height: 4, channels: 3, background: 'white'}}, left: 0, top: 0},
      ])
      .png()
      .toBuffer();
    await mkdir(at('exif'));
    // 6: to be turned a quarter clockwise, so that the left is on top.
    await sharp(left).withMetadata({orientation: 6}).jpeg({quality: 100}).toFile(at('exif/a.jpg'));
    const set = await open(at('exif'), [input([1, 1, 8, 4])], {preprocessing: {}});
    const pixels = valuesOf((await set.readRequest(0)).x);
    expect(pixels[0]).toBeGreaterThan(250);
    expect(pixels.at(-1)).toBeLessThan(5);
  });

  it('transparency and gray images become colours', async () => {
    await mkdir(at('channels'));
    await sharp({create: {width: 2, height: 2, channels: 4, background: {r: 9, g: 8, b: 7, alpha: 0.5}}})
      .png()
      .toFile(at('channels/alpha.png'));
    await sharp(Buffer.from([1, 2, 3, 4]), {raw: {width: 2, height: 2, channels: 1}})
      .toColourspace('b-w')
      .png()
      .toFile(at('channels/gray.png'));
    const set = await open(at('channels'), [input([1, 2, 2, 3])], {preprocessing: 'raw'});
    expect(valuesOf((await set.readRequest(0)).x).slice(0, 3)).toEqual([9, 8, 7]);
    expect(valuesOf((await set.readRequest(1)).x)).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
  });

  it('without declared preprocessing a likely one is assumed, and that is said', async () => {
    await writeImage('assumed/a.png', [255, 0, 0]);
    const set = await open(at('assumed'), [input([1, 3, 4, 4])]);
    expect(set.notes).toEqual([
      'No preprocessing is declared for input x: "imagenet" is assumed, as fits its shape and type.',
    ]);
    expect(valuesOf((await set.readRequest(0)).x)[0]).toBe(Math.fround((1 - 0.485) / 0.229));
  });

  it('fill the batch of a model; what is left over is said', async () => {
    for (const index of [0, 1, 2, 3, 4]) await writeImage(`batch/${index}.png`, [index, index, index]);
    const set = await open(at('batch'), [input([2, 3, 4, 4])], {preprocessing: 'raw'});
    expect(set).toMatchObject({sampleCount: 4, requestCount: 2, rowsPerRequest: 2});
    expect(set.notes).toEqual(['1 of 5 samples are left out: the model takes 2 at a time.']);
    const values = valuesOf((await set.readRequest(1)).x);
    expect([values[0], values[48]]).toEqual([2, 3]);
  });

  it('that is empty, damaged or of other sizes is refused, with the file named', async () => {
    await mkdir(at('empty'));
    await writeFile(at('empty/readme.txt'), 'no images here');
    await expect(open(at('empty'), [input([1, 3, 4, 4])])).rejects.toEqual(
      refusal('no-samples', 'holds no images'),
    );
    await writeImage('damaged/a.png', [1, 2, 3]);
    const whole = await readFile(at('damaged/a.png'));
    await writeFile(at('damaged/b.png'), whole.subarray(0, 60));
    await writeFile(at('damaged/c.bmp'), 'BM');
    const damaged = await open(at('damaged'), [input([1, 3, 4, 4])], {preprocessing: {}});
    expect(valuesOf((await damaged.readRequest(0)).x)[0]).toBe(1);
    await expect(damaged.readRequest(1)).rejects.toEqual(refusal('image-unreadable', 'damaged/b.png', 10));
    await expect(damaged.readRequest(2)).rejects.toEqual(refusal('image-unreadable', 'damaged/c.bmp', 10));
    await writeImage('sizes/a.png', [1, 2, 3], 4);
    await writeImage('sizes/b.png', [1, 2, 3], 5);
    const sizes = await open(at('sizes'), [input([1, 3, 4, 4])], {preprocessing: {}});
    await expect(sizes.readRequest(1)).rejects.toEqual(
      refusal('wrong-input-shape', 'sizes/b.png is 5 × 5 pixels'),
    );
  });
});

describe('labels of images', () => {
  const labelled = async (name: string, files: readonly string[]): Promise<string> => {
    for (const file of files) await writeImage(`${name}/${file}`, [1, 2, 3]);
    return at(name);
  };
  const model = [input([1, 3, 4, 4])];
  const labelsOf = async (source: DataSource, options: DataSetOptions = {}) =>
    (await open(source, model, {preprocessing: 'raw', ...options})).labels;

  it('are the folders they lie in, counted by name', async () => {
    const path = await labelled('folders', ['dog/2.png', 'cat/1.png', 'dog/1.png', 'ant/9.png']);
    expect(await labelsOf(path)).toEqual([0, 1, 2, 2]);
    expect(await labelsOf(path, {classCount: 3})).toEqual([0, 1, 2, 2]);
    await writeFile(at('names.txt'), 'dog\r\nfish\r\nant\r\ncat\r\n');
    expect(await labelsOf({path, classes: at('names.txt')})).toEqual([2, 3, 0, 0]);
    await writeFile(at('few.txt'), 'dog\nant\n');
    await expect(labelsOf({path, classes: at('few.txt')})).rejects.toEqual(
      refusal('labels-mismatch', '"cat" is no class number, and no name of a class'),
    );
  });

  it('are not guessed from folders that are not all classes', async () => {
    const path = await labelled('some', ['dog/1.png', 'cat/1.png']);
    const set = await open(path, model, {preprocessing: 'raw', classCount: 1000});
    expect(set.labels).toBeNull();
    expect(set.notes[0]).toContain('2 folders and the model 1000 classes');
  });

  it('are numbers where the folders are', async () => {
    const path = await labelled('numbers', ['10/a.png', '9/a.png', '0/a.png']);
    expect(await labelsOf(path, {classCount: 11})).toEqual([0, 10, 9]);
    await expect(labelsOf(path, {classCount: 10})).rejects.toEqual(
      refusal('labels-mismatch', 'there is no class 10; the model has classes 0 to 9'),
    );
  });

  it('come from a labels.csv beside the images, or from a list elsewhere, by name', async () => {
    const path = await labelled('listed', ['b.png', 'a.png', 'sub/c.png']);
    await writeFile(at('elsewhere.csv'), 'file,label\nsub/c.png,7\n./a.png,5\nb.png,6\n');
    expect(await labelsOf({path, labels: at('elsewhere.csv')})).toEqual([5, 6, 7]);
    await writeFile(at('listed/labels.csv'), 'a.png,1\nb.png,2\nsub/c.png,3\n');
    expect(await labelsOf(path)).toEqual([1, 2, 3]);
    expect(await labelsOf({path, labels: at('elsewhere.csv')})).toEqual([5, 6, 7]);
  });

  it.each([
    ['an image without one', 'a.png,1\n', 'has no label for b.png'],
    ['a line without an image', 'a.png,1\nb.png,1\nc.png,1\n', ':3: there is no image c.png'],
    ['a line that comes twice', 'a.png,1\nb.png,1\na.png,2\n', ':3: a.png is listed a second time'],
    ['an unknown class', 'a.png,1\nb.png,bird\n', ':2: "bird" is no class number'],
    [
      'a class the model does not have',
      'a.png,1\nb.png,3\n',
      ':2: there is no class 3; the model has classes 0 to 2',
    ],
  ])('%s is refused with its line', async (_, text, message) => {
    const path = await labelled('wrong', ['a.png', 'b.png']);
    await writeFile(at('wrong.csv'), text);
    await expect(labelsOf({path, labels: at('wrong.csv')}, {classCount: 3})).rejects.toEqual(
      refusal('labels-mismatch', message),
    );
  });

  it('a list says which images there are, in its order', async () => {
    await labelled('lists', ['a.png', 'b.png', 'c.png']);
    await writeFile(at('lists/val.csv'), 'c.png,2\na.png,0\n');
    expect(await labelsOf(at('lists/val.csv'))).toEqual([2, 0]);
    await writeFile(at('lists/unlabelled.txt'), 'c.png\na.png\n');
    const set = await open(at('lists/unlabelled.txt'), model, {preprocessing: 'raw'});
    expect([set.sampleCount, set.labels]).toEqual([2, null]);
    await writeFile(at('lists/missing.csv'), 'c.png,2\nz.png,0\n');
    await expect(labelsOf(at('lists/missing.csv'))).rejects.toEqual(
      refusal('labels-mismatch', 'missing.csv:2: there is no image'),
    );
    await writeFile(at('lists/half.csv'), 'c.png,2\na.png\n');
    await expect(labelsOf(at('lists/half.csv'))).rejects.toEqual(
      refusal('labels-mismatch', 'half.csv:2: there is no label'),
    );
  });
});
