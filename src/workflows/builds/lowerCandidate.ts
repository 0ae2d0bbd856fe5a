import type {Graph} from '../../model/graph.ts';
import type {CandidateBuild} from '../../targets/target.ts';
import {startSampleRunner} from '../sampleRuns/startSampleRunner.ts';
import {variedSamples} from '../variedSamples.ts';
import type {CompileJob} from './compileJob.ts';
import {floatLowering} from './floatLowering.ts';
import type {Lowering, LoweringContext, ReportStep} from './lowering.ts';
import {lowerStatically} from './lowerStatically.ts';
import {
  float16ByCompiler,
  lowerToFloat16,
  rangesForFloat16,
  withFloat16,
  type Ranges,
} from './lowerToFloat16.ts';
import {lowerWeights} from './lowerWeights.ts';
import type {CompileSamples} from './openCompileSamples.ts';

/** The way to a candidate's precision, with what the samples say of the ranges on that way. */
export async function lowerCandidate(
  candidate: CandidateBuild,
  job: CompileJob,
  graph: Graph,
  samples: CompileSamples | null,
  report: ReportStep,
): Promise<Lowering> {
  const {precision, scheme, loweredBy, floatType} = candidate;
  if (precision === 'fp32') return floatLowering(graph);
  const runner = samples === null ? null : startSampleRunner(samples.learning, job);
  const calibrationRequests = samples?.calibrationRequests ?? 0;
  const ranges = (): Promise<Ranges> => {
    if (runner === null) return Promise.resolve(new Map());
    report('measure ranges');
    return rangesForFloat16(graph, runner, calibrationRequests);
  };
  if (loweredBy === 'compiler') {
    if (precision === 'fp16') return float16ByCompiler(graph, await ranges());
    return floatLowering(graph, [
      {
        decision: 'judged in float32',
        reason: "the target's compiler quantises by itself, on the calibration samples",
      },
    ]);
  }
  if (precision === 'fp16') return lowerToFloat16(graph, await ranges());
  if (scheme !== null && samples !== null) {
    const context: LoweringContext = {
      graph,
      runner: startSampleRunner(variedSamples(samples.learning, calibrationRequests), job),
      calibrationRequests,
      distinctRequests: samples.learning.requestCount,
      mode: 'fused',
      without: job.without,
      seed: job.seed,
      report,
    };
    const quantised = await lowerStatically(context, scheme);
    return floatType === 'float16' ? withFloat16(quantised, await ranges()) : quantised;
  }
  const lowered = lowerWeights(graph, candidate);
  if (lowered === null) throw new Error(`no way to ${precision} without calibration data`);
  return lowered;
}

/** Nothing but float32, as before. */
export function lowersNothing(lowering: Lowering): boolean {
  const {nodes, initializers} = lowering.build(new Set()).model.graph;
  const {graph} = lowering.graph.model;
  const types = new Set(graph.initializers.map(({elementTypeCode}) => elementTypeCode));
  return (
    nodes.length === graph.nodes.length &&
    initializers.every(({elementTypeCode}) => types.has(elementTypeCode))
  );
}
