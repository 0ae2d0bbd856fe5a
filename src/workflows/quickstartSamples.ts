import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import {randomFeeds} from '../engine/randomFeeds.ts';
import {drawPictures, PICTURE_SIZE} from '../lab/pictures.ts';
import {fixInputShapes} from '../model/fixInputShapes.ts';
import {graphFromModel} from '../model/graphFromModel.ts';
import {stripOverridableInitializers} from '../model/stripOverridableInitializers.ts';
import {writeNpy} from '../workspace/npy.ts';
import type {Evaluation} from './labProject.ts';
import {openModel} from './openModel.ts';

/** Not the seed that the model was trained on; see templates/quickstart/README.md. */
const EVALUATION_SEED = 7;

/** Labelled pictures of the generator, as the shipped model wants them: [count, 3, 32, 32] in 0 to 1. */
export async function writePictures(folder: string, count: number): Promise<Evaluation> {
  await mkdir(join(folder, 'evaluation'), {recursive: true});
  const {pixels, labels} = drawPictures(EVALUATION_SEED, count);
  const values = new Float32Array(pixels).map(pixel => pixel / 255);
  await writeNpy(join(folder, 'evaluation/image.npy'), {
    elementType: 'float32',
    shape: [count, 3, PICTURE_SIZE, PICTURE_SIZE],
    bytes: new Uint8Array(values.buffer),
  });
  await writeNpy(join(folder, 'evaluation/labels.npy'), {
    elementType: 'uint8',
    shape: [count],
    bytes: Uint8Array.from(labels),
  });
  return {inputs: {image: 'evaluation/image.npy'}, labels: 'evaluation/labels.npy'};
}

/** Shapes for the inputs that leave sizes open: as given, else 1 for each open size, so that any model can be tried. */
export function closeShapes(
  modelFile: string,
  given: Readonly<Record<string, readonly number[]>>,
): Record<string, readonly number[]> {
  const opened = openModel(modelFile);
  try {
    const graph = graphFromModel(stripOverridableInitializers(opened.model));
    const closed = graph.inputs.flatMap(name => {
      const {dims, shape} = graph.tensors.get(name) ?? {};
      if (shape !== undefined || dims === undefined) return [];
      return [[name, dims.map(size => (typeof size === 'number' ? size : 1))] as const];
    });
    return {...Object.fromEntries(closed), ...given};
  } finally {
    opened.close();
  }
}

/** Seeded random inputs for a model that nothing else is known of. */
export async function writeRandomSamples(
  folder: string,
  modelFile: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  requests: number,
): Promise<Evaluation> {
  await mkdir(join(folder, 'evaluation'), {recursive: true});
  const opened = openModel(join(folder, modelFile));
  try {
    const graph = graphFromModel(fixInputShapes(stripOverridableInitializers(opened.model), shapes));
    const specs = graph.inputs.map(name => {
      const {elementType = 'float32', shape = []} = graph.tensors.get(name) ?? {};
      return {name, elementType, shape};
    });
    const inputs: Record<string, string> = {};
    const samples = Array.from({length: requests}, (_, index) => randomFeeds(specs, index));
    for (const [index, {name, elementType, shape}] of specs.entries()) {
      const file = `evaluation/input-${index}.npy`;
      await writeNpy(join(folder, file), {
        elementType,
        shape: [(shape[0] ?? 1) * requests, ...shape.slice(1)],
        bytes: Buffer.concat(samples.map(sample => sample[name]?.bytes ?? new Uint8Array())),
      });
      inputs[name] = file;
    }
    return {inputs};
  } finally {
    opened.close();
  }
}
