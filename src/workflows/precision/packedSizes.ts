import type {BoundaryEncoding, BoundaryPrecision, PixelValues} from '../../documents/boundary.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {floatsOf} from '../../quantize/accuracy/floatsOf.ts';
import {encodeValues} from '../../quantize/boundary/encodeValues.ts';
import {parametersFromRange} from '../../quantize/parametersFromRange.ts';
import {packParts} from '../../runtime/protocol/packing.ts';
import type {DataSet} from '../openDataSet.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {startSampleRunner} from '../sampleRuns/startSampleRunner.ts';

/** So many requests tell the size of what is like them well enough: it varies by some per cent. */
const SAMPLES = 4;

export type TravelForm = BoundaryPrecision | 'as-is';

/** Mean bytes of float tensors once encoded and packed; `undefined` for tensors that were not seen. */
export interface PackedSizes {
  bytesOf(tensor: string, form: TravelForm): number | undefined;
}

/** Runs the model on a few samples, encodes every float tensor that can cross in every way, and packs it. */
export async function measurePackedSizes(
  project: OpenProject,
  {graph}: PreparedModel,
  samples: DataSet,
  pixels: ReadonlyMap<string, PixelValues>,
  forms: readonly TravelForm[],
): Promise<PackedSizes> {
  const floats = [...graph.tensors.values()].filter(
    ({elementType, shape, isWeight}) => elementType === 'float32' && shape !== undefined && !isWeight,
  );
  const count = Math.min(SAMPLES, samples.requestCount);
  const made = floats.filter(({isInput}) => !isInput).map(({name}) => name);
  const seen: NamedTensors[] = [];
  for (let at = 0; at < count; at++) seen.push(await samples.readRequest(at));
  const sums = new Map<string, number>();
  const add = async (values: NamedTensors): Promise<void> => {
    for (const [name, tensor] of Object.entries(values)) {
      const numbers = floatsOf(tensor);
      if (tensor.elementType !== 'float32' || !(numbers instanceof Float32Array)) continue;
      for (const form of forms) {
        const encoding = encodingOf(form, numbers, pixels.get(name));
        if (encoding === undefined) continue;
        const bytes = encoding === null ? tensor.bytes : encodeValues(numbers, tensor.shape, encoding);
        const key = `${form} ${name}`;
        sums.set(key, (sums.get(key) ?? 0) + (await packParts([bytes])).byteLength);
      }
    }
  };
  for (const inputs of seen) await add(inputs);
  await project.withTemporaryFolder(async temporaryFolder => {
    const runner = startSampleRunner(
      {requestCount: count, readRequest: async index => ({...seen[index]})},
      {temporaryFolder},
    );
    const visited: NamedTensors[] = [];
    const visit = (values: NamedTensors): void => void visited.push(values);
    await runner.run({model: graph.model, tensors: made, mode: 'exact', visit});
    for (const values of visited) await add(values);
  });
  return {
    bytesOf(tensor, form) {
      const sum = sums.get(`${form} ${tensor}`);
      return sum === undefined ? undefined : Math.ceil(sum / count);
    },
  };
}

/** `null`: as it is; `undefined`: not for this tensor. Scales are the sample's own: sizes hardly depend on them. */
function encodingOf(
  form: TravelForm,
  values: Float32Array,
  pixels: PixelValues | undefined,
): BoundaryEncoding | null | undefined {
  switch (form) {
    case 'as-is':
      return null;
    case 'fp16':
      return {precision: 'fp16'};
    case 'pixels':
      return pixels === undefined ? undefined : {precision: 'pixels', pixels};
    case 'int8': {
      let [min, max] = [0, 0];
      for (const value of values) [min, max] = [Math.min(min, value), Math.max(max, value)];
      const {scale, zeroPoint} = parametersFromRange({min, max}, {elementType: 'uint8', isSymmetric: false});
      return {precision: 'int8', scale, zeroPoint};
    }
  }
}
