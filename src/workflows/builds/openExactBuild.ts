import {openSession} from '../../engine/session.ts';
import {bytesFromModel} from '../../model/onnx/writeModel.ts';
import {withUnsignedWeights} from '../../quantize/saturation/withUnsignedWeights.ts';
import {openModel} from '../openModel.ts';
import {saturatesHere} from '../saturatesHere.ts';
import type {JudgedBuild} from './openJudge.ts';

/** A build as processors compute it that add products exactly, whether this machine is one of them or not. */
export async function openExactBuild(path: string, {threads}: {threads: number}): Promise<JudgedBuild> {
  const exact = (await saturatesHere()) ? exactModel(path) : null;
  const session = await openSession(exact ?? {path}, {optimization: 'all', threads});
  return {
    run: async feeds => (await session.run(feeds)).outputs,
    close: () => session.close(),
    decisions:
      exact === null
        ? []
        : [
            {
              decision: 'judged with exact sums, as on the target',
              reason: 'this machine has no VNNI: its own kernels cut sums of two products off at 16 bits',
            },
          ],
  };
}

/** `null` when no sum of it would be cut off. */
function exactModel(path: string): {bytes: Uint8Array; canTakeBytes: true} | null {
  const opened = openModel(path);
  try {
    const exact = withUnsignedWeights(opened.model);
    return exact === opened.model ? null : {bytes: bytesFromModel(exact), canTakeBytes: true};
  } finally {
    opened.close();
  }
}
