import type {TensorSpec} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {rknnPlatform} from '../rknn.ts';
import type {CandidateBuild, Target, TargetFacts} from '../target.ts';
import type {CompilerJob} from './compilerJob.ts';
import {ireeJob} from './iree.ts';
import {ireeProcessor} from './ireeProcessor.ts';
import {openvinoJob, type OpenvinoOptions} from './openvino.ts';
import {rknnJob} from './rknn.ts';
import {stedgeaiJob} from './stedgeai.ts';
import {trtexecJob} from './trtexec.ts';

export interface JobDetails {
  /** Of the device; `null` when the target was asked for by name. */
  readonly facts: TargetFacts | null;
  /** Element type of the model's inputs, in OpenVINO's words. */
  readonly inputType: OpenvinoOptions['inputType'];
  /** Two in four weights are zero. */
  readonly isSparse: boolean;
  /** How long the vendor's benchmark is to run. */
  readonly seconds: number;
  /** What is compiled is for the machine that compiles. IREE alone compiles for another one, where it cannot be timed. */
  readonly isForThisMachine: boolean;
  readonly graphName: string;
  readonly inputs: readonly TensorSpec[];
}

/**
 * What the target's compiler has to do for one candidate; `null` when the ONNX file is the artefact.
 * @throws ExpectedError `target-needs-device` (exit 2) when the compiler must know the very chip
 */
export function compilerJobFor(
  {name, recipe}: Target,
  {precision, loweredBy}: CandidateBuild,
  {facts, inputType, isSparse, seconds, isForThisMachine, graphName, inputs}: JobDetails,
): CompilerJob | null {
  const compatible = facts?.board?.compatible ?? [];
  switch (recipe.compiler?.name) {
    case 'trtexec':
      return trtexecJob({
        major:
          facts?.tensorrt === undefined
            ? name === 'tensorrt-11'
              ? 11
              : 10
            : Number.parseInt(facts.tensorrt, 10),
        precision: precision === 'int8' || precision === 'fp16' ? precision : 'fp32',
        isSparse,
        seconds,
      });
    case 'openvino':
      return openvinoJob({
        isHalfPrecision: precision === 'fp16' && loweredBy === 'compiler',
        floatPrecision: precision === 'fp32' ? 'f32' : null,
        inputType,
        seconds,
      });
    case 'stedgeai':
      return stedgeaiJob(
        compatible.some(chip => chip.startsWith('st,stm32mp23')) ? 'stm32mp23' : 'stm32mp25',
      );
    case 'rknn': {
      const platform = rknnPlatform(compatible);
      if (platform !== null) return rknnJob({platform, isQuantized: precision === 'int8'});
      throw new ExpectedError(
        'target-needs-device',
        'RKNN-Toolkit2 compiles for one chip, and without a device it is not known which.',
        EXIT.usage,
        {hints: ['edgewise compile --device NAME']},
      );
    }
    case 'iree':
      return ireeJob({
        processor: ireeProcessor(isForThisMachine ? null : facts),
        benchmark: isForThisMachine ? {graphName, inputs} : null,
      });
    case undefined:
      return null;
  }
}
