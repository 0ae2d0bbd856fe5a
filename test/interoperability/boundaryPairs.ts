import {execFile} from 'node:child_process';
import {mkdtempSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import type {NamedTensors} from '../../src/documents/tensor.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import type {EncodedSegments} from '../../src/quantize/boundary/encodeBoundary.ts';

/** A head and a tail with what the head is to be fed. */
export interface SegmentPair {
  readonly segments: Pick<EncodedSegments, 'head' | 'tail'>;
  readonly feeds: NamedTensors;
  /** Of the model, all float32. */
  readonly outputs: readonly string[];
}

export interface PairAnswer {
  /** What onnx.checker refuses. */
  readonly problems: readonly string[];
  /** Bytes of each tensor that went from the head to the tail. */
  readonly crossed: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/** Checks pairs with onnx.checker and runs them in Python's ONNX Runtime. Files are left in `folder`. */
export async function runPairsInPython(
  python: string,
  folder: string,
  pairs: readonly SegmentPair[],
): Promise<PairAnswer[]> {
  const own = mkdtempSync(join(folder, 'pairs-'));
  const save = (name: string, bytes: Uint8Array): string => {
    const file = join(own, name);
    writeFileSync(file, bytes);
    return file;
  };
  const saveModel = (name: string, model: OnnxModel | null): string | null =>
    model === null ? null : save(name, bytesFromModel(model));
  const tasks = pairs.map(({segments, feeds, outputs}, at) => ({
    head: saveModel(`${at}-head.onnx`, segments.head),
    tail: saveModel(`${at}-tail.onnx`, segments.tail),
    feeds: Object.fromEntries(
      Object.entries(feeds).map(([name, {elementType, shape, bytes}], place) => [
        name,
        {file: save(`${at}-feed-${place}`, bytes), type: elementType, shape},
      ]),
    ),
    outputs,
    out: join(own, `${at}-out`),
  }));
  const file = join(own, 'tasks.json');
  writeFileSync(file, JSON.stringify(tasks));
  const script = join(import.meta.dirname, 'boundary_peer.py');
  const {stdout} = await promisify(execFile)(python, [script, file], {maxBuffer: 1 << 26});
  const answers = JSON.parse(stdout.slice(stdout.lastIndexOf('\n[') + 1)) as Omit<PairAnswer, 'outputs'>[];
  return answers.map((answer, at) => ({
    ...answer,
    outputs: Object.fromEntries(
      (tasks[at]?.outputs ?? []).map((name, place) => [
        name,
        new Float32Array(new Uint8Array(readFileSync(`${tasks[at]?.out ?? ''}.${place}`)).buffer),
      ]),
    ),
  }));
}
