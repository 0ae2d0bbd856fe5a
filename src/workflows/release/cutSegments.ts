import {encodingOfRow} from '../../documents/boundary.ts';
import type {Plan} from '../../documents/plan.ts';
import {extractSegments} from '../../model/extractSegments.ts';
import {modelUpTo} from '../../model/modelUpTo.ts';
import {encodeBoundary, type EncodedSegments} from '../../quantize/boundary/encodeBoundary.ts';
import {openDeviceBuild} from '../deviceBuilds/openDeviceBuild.ts';
import {withOptimizedModel} from '../deviceBuilds/withOptimizedModel.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';

export interface CutPieces {
  /** By index. */
  readonly headLayers: ReadonlySet<number>;
  /** What crosses, and how. */
  readonly cut: Plan['cut'];
  /** Digest of the build that the head is taken from; `null`: the prepared model itself. */
  readonly deviceBuild: string | null;
}

/**
 * Head and tail with what crosses as the plan says it travels. A head of another build makes the same tensors by the same
 * names, so that the tail is what it would be anyway.
 * @throws ExpectedError `build-artefact-missing`
 */
export async function withCutSegments<T>(
  project: Pick<OpenProject, 'store' | 'withTemporaryFolder'>,
  prepared: Pick<PreparedModel, 'graph' | 'types'>,
  {headLayers, cut, deviceBuild}: CutPieces,
  work: (segments: EncodedSegments) => Promise<T>,
): Promise<T> {
  const {graph, types} = prepared;
  const encodings = cut.flatMap(row => {
    const encoding = encodingOfRow(row);
    return encoding === null ? [] : [[row.tensor, encoding] as const];
  });
  const request = {encodings: new Map(encodings), types, modelOutputs: graph.outputs};
  const segments = extractSegments(graph, headLayers);
  if (deviceBuild === null || segments.head === null) return work(encodeBoundary(segments, request));
  const build = await openDeviceBuild(project, prepared, deviceBuild);
  try {
    const {model: head, inputs: headInputs} = modelUpTo(build.graph, segments.headOutputs);
    const encoded = encodeBoundary({...segments, head, headInputs}, request);
    if (encoded.head === null) throw new Error('a head has become none');
    return await withOptimizedModel(project, encoded.head, optimized => work({...encoded, head: optimized}));
  } finally {
    build.close();
  }
}
