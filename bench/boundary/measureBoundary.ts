import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {BoundaryPrecision} from '../../src/documents/boundary.ts';
import type {Plan} from '../../src/documents/plan.ts';
import {sizeInBytes} from '../../src/documents/elementTypes.ts';
import type {NamedTensors, Tensor} from '../../src/documents/tensor.ts';
import {openSession} from '../../src/engine/session.ts';
import {ignoreEvents} from '../../src/events.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {floatsOf} from '../../src/quantize/accuracy/floatsOf.ts';
import {extractSegments} from '../../src/model/extractSegments.ts';
import type {EncodedSegments} from '../../src/quantize/boundary/encodeBoundary.ts';
import {openNpy} from '../../src/workspace/npy.ts';
import {withCutSegments} from '../../src/workflows/release/cutSegments.ts';
import {openProject} from '../../src/workflows/openProject.ts';
import {encodedCut} from '../../src/workflows/precision/boundaryRanges.ts';
import {startPrecisionData} from '../../src/workflows/precision/precisionData.ts';
import {withPreparedModel, type PreparedModel} from '../../src/workflows/prepareModel.ts';
import {runPairsInPython} from '../../test/interoperability/boundaryPairs.ts';
import type {Subject} from '../quantize/subjects.ts';

/** One cut of one model with what crosses sent in one precision. */
export interface BoundaryRow {
  readonly model: string;
  readonly precision: Exclude<BoundaryPrecision, 'pixels'>;
  readonly deviceLayers: number;
  readonly layers: number;
  readonly tensors: readonly string[];
  /** Of the tensors as they are, and as they travel. */
  readonly plainBytes: number;
  readonly wireBytes: number;
  readonly samples: number;
  readonly originalRight: number;
  readonly composedRight: number;
  /** What onnx.checker and Python's runtime have to say; `null` where all is as it should be. */
  readonly problem: string | null;
  /** Between Python's answers and ours, of the largest answer. */
  readonly pythonDifference: number;
}

const PRECISIONS = ['fp16', 'int8'] as const;
const PYTHON_SAMPLES = 2;
/** Judged by numbers, never refused here. */
const BUDGET = {limit: {kind: 'absolute-drop', limit: 1}, text: 'whatever it is'} as const;

/** Cuts one model at chain positions, by the very functions that plan and push use, and holds each against the labels. */
export async function measureBoundary(
  python: string,
  subject: Subject,
  folder: string,
  wantedCuts: number,
): Promise<BoundaryRow[]> {
  const own = join(folder, subject.name);
  mkdirSync(own, {recursive: true});
  const npy = (name: string): string => JSON.stringify(join(subject.folder, name));
  const samples = await openNpy(join(subject.folder, 'evaluation.npy'));
  const shape = [1, ...samples.shape.slice(1)];
  await samples.close();
  const project = {
    kind: 'edgewise/project',
    formatVersion: 1,
    model: {file: subject.model},
    devices: [{name: 'here', address: 'local'}],
  };
  const lines = [
    ...Object.entries(project).map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
    `calibration: ${npy('calibration.npy')}`,
    `evaluation: {path: ${npy('evaluation.npy')}, labels: ${npy('labels.npy')}}`,
  ];
  writeFileSync(join(own, 'edgewise.yaml'), `${lines.join('\n')}\n`);
  const opened = await openProject(own);
  const withShape = {
    ...opened,
    project: {...opened.project, model: {file: subject.model, inputs: await shapesOf(subject.model, shape)}},
  };
  return withPreparedModel(withShape, ignoreEvents, async prepared => {
    const data = startPrecisionData(withShape, prepared, BUDGET);
    try {
      const cuts = spread(chainCutsOf(prepared), wantedCuts);
      const [ranges, judge] = [await data.ranges(), await data.judge()];
      if (ranges === null || judge === null) throw new Error('no samples');
      // All at once: the samples are run once for every cut.
      await ranges.parametersOf([...new Set(cuts.flatMap(({cut}) => cut.map(({tensor}) => tensor)))]);
      const first = await openNpy(join(subject.folder, 'evaluation.npy'));
      const feeds: NamedTensors[] = [];
      for (let at = 0; at < PYTHON_SAMPLES; at++)
        feeds.push({[prepared.graph.inputs[0]!]: await first.readRows(at, 1)});
      await first.close();
      const measured: {row: Omit<BoundaryRow, keyof ComparedRow>; segments: EncodedSegments}[] = [];
      for (const {deviceLayers, cut, layers} of cuts)
        for (const precision of PRECISIONS) {
          const precisions = new Map(cut.map(({tensor}) => [tensor, precision]));
          const candidate = {
            boundary: precision,
            input: 'as-is',
            precisions,
            packed: null,
            builds: new Map(),
          } as const;
          const encoded = await encodedCut(cut, candidate, new Map(), ranges);
          const {accuracy} = await judge.judge({cut: encoded, layers, builds: {}});
          const headLayers = new Set(Array.from({length: deviceLayers}, (_, index) => index));
          const pieces = {headLayers, cut: encoded, builds: {}};
          const segments = await withCutSegments(withShape, prepared, pieces, async made => made);
          const row = {
            model: subject.name,
            precision,
            deviceLayers,
            layers: layers.length,
            tensors: segments.boundary,
            plainBytes: cut.reduce((sum, {bytes}) => sum + bytes, 0),
            wireBytes: wireBytesOf(segments),
            samples: accuracy.samples,
            originalRight: Math.round((accuracy.original ?? NaN) * accuracy.samples),
            composedRight: Math.round((accuracy.composed ?? NaN) * accuracy.samples),
          };
          measured.push({row, segments});
        }
      const compared = await comparePython(
        python,
        own,
        prepared.graph.outputs,
        measured.map(({segments}) => segments),
        feeds,
      );
      return measured.map(({row}, at) => ({...row, ...compared[at]!}));
    } finally {
      await data.close();
    }
  });
}

/** The model's own input shape where the file has one, else that of a sample. */
async function shapesOf(model: string, shape: readonly number[]): Promise<Record<string, number[]>> {
  const session = await openSession({path: model}, {optimization: 'disabled', threads: 1});
  const names = session.inputs.map(({name}) => name);
  await session.close();
  return Object.fromEntries(names.map(name => [name, [...shape]]));
}

interface ChainCut {
  readonly deviceLayers: number;
  readonly cut: Plan['cut'];
  readonly layers: Plan['layers'];
}

/** One for each set of float tensors that can cross at a chain position. */
function chainCutsOf({graph, types}: PreparedModel): ChainCut[] {
  const seen = new Set<string>();
  return graph.layers.flatMap((_, deviceLayers): ChainCut[] => {
    const {boundary} = extractSegments(
      graph,
      new Set(Array.from({length: deviceLayers}, (__, index) => index)),
    );
    const key = boundary.join('\n');
    const rows = boundary.map(name => ({name, type: types.get(name)}));
    if (seen.has(key) || rows.some(({type}) => type?.elementType !== 'float32')) return [];
    seen.add(key);
    return [
      {
        deviceLayers,
        cut: rows.map(({name, type}) => ({
          tensor: name,
          direction: 'up',
          elementType: 'float32',
          shape: [...(type?.shape ?? [])],
          bytes: sizeInBytes('float32', type?.shape ?? []) ?? 0,
        })),
        layers: graph.layers.map(({name, operator, index}) => ({
          name,
          operator,
          tier: index < deviceLayers ? 'device' : 'cloud',
          reason: 'pinned-by-user',
          deviceMs: 0,
          cloudMs: 0,
        })),
      },
    ];
  });
}

/** At even distances, the first and the last among them. */
function spread<T>(values: readonly T[], wanted: number): T[] {
  if (values.length <= wanted) return [...values];
  return Array.from(
    {length: wanted},
    (_, at) => values[Math.round((at * (values.length - 1)) / (wanted - 1))] as T,
  );
}

function wireBytesOf({boundary, wireTypes}: EncodedSegments): number {
  return boundary.reduce((sum, name) => {
    const type = wireTypes.get(name);
    return sum + (type === undefined ? NaN : (sizeInBytes(type.elementType, type.shape) ?? NaN));
  }, 0);
}

type ComparedRow = Pick<BoundaryRow, 'problem' | 'pythonDifference'>;

/** The same segments in Python: checked, run, and the answers held against those of the runtime that is shipped. */
async function comparePython(
  python: string,
  folder: string,
  outputs: readonly string[],
  segments: readonly EncodedSegments[],
  feeds: readonly NamedTensors[],
): Promise<ComparedRow[]> {
  const pairs = segments.flatMap(each => feeds.map(given => ({segments: each, feeds: given, outputs})));
  const answers = await runPairsInPython(python, folder, pairs);
  const rows: ComparedRow[] = [];
  for (const [place, each] of segments.entries()) {
    const own = answers.slice(place * feeds.length, (place + 1) * feeds.length);
    const problems = own.flatMap(({problems: found}) => found);
    let pythonDifference = 0;
    for (const [at, answer] of own.entries()) {
      const crossed = Object.values(answer.crossed).reduce((sum, bytes) => sum + bytes, 0);
      if (crossed !== wireBytesOf(each)) problems.push(`${crossed} bytes cross in Python`);
      const ours = await runHere(each, feeds[at] ?? {});
      for (const name of outputs)
        pythonDifference = Math.max(
          pythonDifference,
          relativeDifference([...floatsOf(ours[name]!)], answer.outputs[name] ?? new Float32Array()),
        );
    }
    rows.push({problem: problems[0] ?? null, pythonDifference});
  }
  return rows;
}

/** The largest, of the largest value. */
function relativeDifference(here: readonly number[], there: Float32Array): number {
  const largest = here.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = here.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (there[index] ?? Infinity))),
    0,
  );
  return difference / largest;
}

async function runHere(segments: EncodedSegments, feeds: NamedTensors): Promise<Record<string, Tensor>> {
  const known: Record<string, Tensor> = {...feeds};
  const runOne = async (model: OnnxModel | null, names: readonly string[]): Promise<void> => {
    if (model === null) return;
    const session = await openSession({bytes: bytesFromModel(model)}, {optimization: 'disabled', threads: 1});
    const given = Object.fromEntries(names.map(name => [name, known[name]!]));
    Object.assign(known, (await session.run(given)).outputs);
    await session.close();
  };
  await runOne(segments.head, segments.headInputs);
  await runOne(segments.tail, segments.tailInputs);
  return known;
}
