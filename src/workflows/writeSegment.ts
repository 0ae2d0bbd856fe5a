import type {ElementType} from '../documents/elementTypes.ts';
import type {TensorSpec} from '../documents/tensor.ts';
import type {OnnxModel} from '../model/onnx/messages.ts';
import {writeModel} from '../model/onnx/writeModel.ts';
import {digestOfChunks, hexOfDigest} from '../workspace/digest.ts';
import type {Store} from '../workspace/store.ts';

/**
 * Weights of at least this size become blobs of their own, so that another cut or a changed head sends only what the
 * device lacks. Smaller ones stay in the graph file: a blob costs a round trip and a file.
 */
const BLOB_THRESHOLD_BYTES = 16 * 1024;

export interface SegmentFiles {
  /** The .onnx file's name in the release folder. */
  readonly graph: string;
  readonly files: readonly {readonly path: string; readonly digest: string; readonly sizeBytes: number}[];
}

/** Puts a segment into the store: the graph file, and a blob for each large weight beside it. */
export async function writeSegment(store: Store, name: string, model: OnnxModel): Promise<SegmentFiles> {
  const written = writeModel(model, {
    kind: 'external',
    thresholdBytes: BLOB_THRESHOLD_BYTES,
    nameLocation: (_tensor, chunks) => hexOfDigest(digestOfChunks(chunks)),
  });
  const files = [];
  for (const file of written.externalFiles) {
    const digest = `sha256:${file.path}`;
    if (!store.has(digest)) await store.put(file.chunks);
    files.push({path: file.path, digest, sizeBytes: file.sizeBytes});
  }
  const graph = `${name}.onnx`;
  files.push({path: graph, digest: await store.put(written.chunks), sizeBytes: written.sizeBytes});
  return {graph, files};
}

/** Names, types and shapes of tensors, in the given order. */
export function specsOf(
  names: readonly string[],
  known: ReadonlyMap<string, Pick<TensorSpec, 'elementType' | 'shape'>>,
): {name: string; elementType: ElementType; shape: number[]}[] {
  return names.map(name => {
    const tensor = known.get(name);
    if (tensor === undefined) throw new Error(`tensor ${name} was not measured`);
    return {name, elementType: tensor.elementType, shape: [...tensor.shape]};
  });
}
