import {encodingOfRow} from '../../documents/boundary.ts';
import type {Plan} from '../../documents/plan.ts';
import type {TierBuilds} from '../../documents/tierBuilds.ts';
import {extractSegments} from '../../model/extractSegments.ts';
import {modelUpTo} from '../../model/modelUpTo.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {encodeBoundary, type EncodedSegments} from '../../quantize/boundary/encodeBoundary.ts';
import {openLoweredBuild, type OpenLoweredBuild} from '../loweredBuilds/openLoweredBuild.ts';
import {withOptimizedModel} from '../loweredBuilds/withOptimizedModel.ts';
import type {OpenProject} from '../openProject.ts';
import type {PreparedModel} from '../prepareModel.ts';
import {partOfBuild} from './partOfBuild.ts';

export interface CutPieces {
  /** By index. */
  readonly headLayers: ReadonlySet<number>;
  /** What crosses, and how. */
  readonly cut: Plan['cut'];
  /** Which builds head and tail are taken from; those left out: the prepared model itself. */
  readonly builds: Pick<TierBuilds, 'device' | 'cloud'>;
}

export interface CutSegments extends EncodedSegments {
  /** The tail in fp32, whatever build the cloud has: what a device goes on with alone. */
  readonly rest: OnnxModel | null;
}

/**
 * Head and tail with what crosses as the plan says it travels. What is taken from another build makes the same tensors by the
 * same names, so that either end is what it would be anyway.
 * @throws ExpectedError `build-artefact-missing`, `build-cannot-be-cut`
 */
export async function withCutSegments<T>(
  project: Pick<OpenProject, 'store' | 'withTemporaryFolder'>,
  prepared: Pick<PreparedModel, 'graph' | 'types'>,
  {headLayers, cut, builds}: CutPieces,
  work: (segments: CutSegments) => Promise<T>,
): Promise<T> {
  const {graph, types} = prepared;
  const encodings = cut.flatMap(row => {
    const encoding = encodingOfRow(row);
    return encoding === null ? [] : [[row.tensor, encoding] as const];
  });
  const segments = extractSegments(graph, headLayers);
  const request = {encodings: new Map(encodings), types, modelOutputs: graph.outputs};
  const open = async (wanted: TierBuilds['device'], part: OnnxModel | null) =>
    wanted === undefined || part === null ? null : openLoweredBuild(project, prepared, wanted.build);
  const optimized = <R>(
    model: OnnxModel | null,
    build: OpenLoweredBuild | null,
    next: (model: OnnxModel | null) => Promise<R>,
  ): Promise<R> =>
    build === null || model === null ? next(model) : withOptimizedModel(project, model, next);

  const ofDevice = await open(builds.device, segments.head);
  try {
    const ofCloud = await open(builds.cloud, segments.tail);
    try {
      const {model: head, inputs: headInputs} =
        ofDevice === null
          ? {model: segments.head, inputs: segments.headInputs}
          : modelUpTo(ofDevice.graph, segments.headOutputs);
      const tail =
        ofCloud === null ? segments.tail : partOfBuild(ofCloud, segments.tailInputs, segments.tailOutputs);
      const chosen = {...segments, head, headInputs};
      const besides = [tail, segments.tail].filter(model => model !== null);
      // What travels is called alike for either tail.
      const encoded = encodeBoundary({...chosen, tail}, {...request, besides});
      const rest = ofCloud === null ? encoded.tail : encodeBoundary(chosen, {...request, besides}).tail;
      return await optimized(encoded.head, ofDevice, served =>
        optimized(encoded.tail, ofCloud, servedTail =>
          work({...encoded, head: served, tail: servedTail, rest}),
        ),
      );
    } finally {
      ofCloud?.close();
    }
  } finally {
    ofDevice?.close();
  }
}
