import type {Session} from '../../engine/session.ts';
import type {ServedModel} from './servedModels.ts';

/** A model whose every layer runs here. `compute` in its timings is the native run. */
export function makeSessionModel(
  name: string,
  version: string,
  session: Session,
  timingName = 'compute',
): ServedModel {
  return {
    name,
    version,
    platform: 'onnxruntime_onnx',
    inputs: session.inputs,
    outputs: session.outputs,
    async infer({inputs}) {
      const {outputs, computeMs} = await session.run(inputs, {canTakeFeeds: true});
      return {outputs, timings: [[timingName, computeMs]]};
    },
  };
}
