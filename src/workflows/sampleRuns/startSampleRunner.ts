import {mkdtemp, rm} from 'node:fs/promises';
import {availableParallelism} from 'node:os';
import {dirname, join} from 'node:path';
import {openSession} from '../../engine/session.ts';
import {dropUnused} from '../../model/dropUnused.ts';
import {createUntypedValueInfo} from '../../model/onnx/createMessages.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {bytesOfFile, writeModel} from '../../model/onnx/writeModel.ts';
import {pruneOpsetImports} from '../../model/pruneOpsetImports.ts';
import type {RunMode, RunOnSamples, SampleRunner} from '../../quantize/sampleRunner.ts';
import {withUnsignedWeights} from '../../quantize/saturation/withUnsignedWeights.ts';
import {writeScratch} from '../../workspace/writeScratch.ts';
import {saturatesHere} from '../saturatesHere.ts';
import type {SampleSource} from './readAhead.ts';
import {spreadRuns, type SessionOpener} from './spreadRuns.ts';

export interface SampleRunnerOptions {
  /** For models too large to be handed over in memory. */
  readonly temporaryFolder: string;
  readonly threads?: number;
  /** After every sample of every run. */
  readonly onSample?: () => void;
}

/** Larger models go through a file: the runtime would hold the bytes besides what it makes of them. */
const IN_MEMORY_BYTES = 64 * 2 ** 20;
/** Then weights from this size on lie in files of their own, because one file may not pass 2 GiB. */
const EXTERNAL_BYTES = 2 ** 20;

/**
 * Models up to this size are run on as many samples at a time as there are threads: their layers are too small to be
 * divided. That holds the model several times, which larger ones have no room for.
 */
const SIDE_BY_SIDE_BYTES = 4 * 2 ** 20;

const LEVEL = {fused: 'all', exact: 'disabled'} as const satisfies Record<RunMode, string>;

/**
 * Runs models on samples through ONNX Runtime. Of each model only what the wanted tensors need is run, and the next
 * sample is computed while the last one is looked at.
 * @throws from `run`: ExpectedError `model-rejected`, `model-run-failed`, and what reading samples throws
 */
export function startSampleRunner(source: SampleSource, options: SampleRunnerOptions): SampleRunner {
  const threads = options.threads ?? availableParallelism();

  async function withOpener<T>(
    request: RunOnSamples,
    work: (opener: SessionOpener) => Promise<T>,
  ): Promise<T> {
    const wanted = modelOf(request);
    // What is learned and judged must not depend on the machine that it is done on.
    const model = (await saturatesHere()) ? withUnsignedWeights(wanted) : wanted;
    const bytes = smallModel(model);
    const limit = bytes !== null && bytes.byteLength <= SIDE_BY_SIDE_BYTES ? threads : 1;
    const sessionOptions = {
      optimization: LEVEL[request.mode],
      threads: limit === 1 ? threads : 1,
      isSpinning: true,
    };
    if (bytes !== null)
      return work({limit, open: () => openSession({bytes, canTakeBytes: limit === 1}, sessionOptions)});
    const folder = await mkdtemp(join(options.temporaryFolder, 'run-'));
    try {
      const path = join(folder, 'model.onnx');
      await writeModelFiles(model, path);
      return await work({limit, open: () => openSession({path}, {...sessionOptions, isSparing: true})});
    } finally {
      await rm(folder, {recursive: true, force: true});
    }
  }

  return {
    sampleCount: source.requestCount,
    run: request => withOpener(request, opener => spreadRuns(source, request, opener, options.onSample)),
  };
}

/** Only the layers that the wanted tensors depend on, with these as the outputs. */
function modelOf({model, tensors}: RunOnSamples): OnnxModel {
  const declared = new Map(model.graph.outputs.map(info => [info.name, info]));
  const outputs = tensors.map(name => declared.get(name) ?? createUntypedValueInfo(name));
  return pruneOpsetImports(dropUnused({...model, graph: {...model.graph, outputs}}));
}

/** Its bytes; `null` when it is to go through a file. */
function smallModel(model: OnnxModel): Uint8Array | null {
  if (model.graph.initializers.some(tensor => tensor.external !== undefined)) return null;
  const written = writeModel(model, {kind: 'keep'});
  return written.sizeBytes <= IN_MEMORY_BYTES ? bytesOfFile(written) : null;
}

async function writeModelFiles(model: OnnxModel, path: string): Promise<void> {
  let fileCount = 0;
  const written = writeModel(model, {
    kind: 'external',
    thresholdBytes: EXTERNAL_BYTES,
    nameLocation: () => `weights-${(fileCount += 1)}.bin`,
  });
  for (const file of written.externalFiles) await writeScratch(join(dirname(path), file.path), file.chunks);
  await writeScratch(path, written.chunks);
}
