/**
 * A hundred million weights (100 matrices of 1024 by 1024) to integers, file to file, beside Python's onnxruntime.
 * Every measurement is a process of its own, turn about. Needs Python with onnx, onnxruntime and onnx_ir in
 * EDGEWISE_PYTHON; without it, only our side is measured. Ends with 1 when a bar is missed.
 *
 *   node bench/weights.ts [ROUNDS]
 */
import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {createGraph, createModel, createNode, createValueInfo} from '../src/model/onnx/createMessages.ts';
import {tensorFromValue} from '../src/model/onnx/tensorData.ts';
import {writeModel} from '../src/model/onnx/writeModel.ts';

const MATRICES = 100;
const SIDE = 1024;
/** Of the arithmetic alone, for all weights. */
const LONGEST_SECONDS = 1.5;
/** Of the file with 4-bit weights to the float one. */
const LARGEST_INT4_SHARE = 0.16;
const LARGEST_INT8_SHARE = 0.26;

interface Measured {
  readonly seconds: number;
  readonly peakMegabytes: number;
}

const run = promisify(execFile);
const rounds = Number(process.argv[2] ?? 5);
const python = process.env['EDGEWISE_PYTHON'];
const here = (name: string): string => fileURLToPath(new URL(`./weights/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'edgewise-bench-weights-'));

/** Uniform weights of a linear congruential generator (Numerical Recipes): only their number matters. */
function makeModel(file: string): void {
  const values = new Float32Array(SIDE * SIDE);
  let state = 1;
  for (let at = 0; at < values.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[at] = (state / 2 ** 32 - 0.5) / 16;
  }
  const indices = Array.from({length: MATRICES}, (_, index) => index);
  const model = createModel(
    createGraph({
      nodes: indices.map(index =>
        createNode('MatMul', [index === 0 ? 'x' : `y${index - 1}`, `w${index}`], [`y${index}`], {
          name: `product${index}`,
        }),
      ),
      initializers: indices.map(index =>
        tensorFromValue(`w${index}`, {
          elementType: 'float32',
          shape: [SIDE, SIDE],
          bytes: new Uint8Array(values.map(value => value * (1 + index / MATRICES)).buffer),
        }),
      ),
      inputs: [createValueInfo('x', 'float32', [1, SIDE])],
      outputs: [createValueInfo(`y${MATRICES - 1}`, 'float32', [1, SIDE])],
    }),
  );
  writeFileSync(
    file,
    Buffer.concat([...writeModel(model, {kind: 'inline'}).chunks].map(one => Buffer.from(one))),
  );
}

async function measure(command: string, script: string, kind: string, out: string): Promise<Measured> {
  const {stdout} = await run(command, [here(script), join(folder, 'float.onnx'), out, kind]);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as Measured;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;
}

try {
  const float = join(folder, 'float.onnx');
  makeModel(float);
  const floatBytes = statSync(float).size;
  console.log(
    `${MATRICES} matrices of ${SIDE} by ${SIDE}: ${(floatBytes / 1e6).toFixed(0)} MB; ${rounds} rounds`,
  );
  const rows = [
    {title: 'integers per channel, arithmetic alone', kind: 'arithmetic', peer: null, largestShare: null},
    {title: 'int8 per channel, dynamic', kind: 'int8', peer: 'int8', largestShare: LARGEST_INT8_SHARE},
    {title: 'int4 in blocks of 32', kind: 'int4', peer: 'int4', largestShare: LARGEST_INT4_SHARE},
    {title: 'int4, scales searched', kind: 'int4-searched', peer: 'int4', largestShare: LARGEST_INT4_SHARE},
  ];
  for (const {title, kind, peer, largestShare} of rows) {
    const [ours, theirs] = [join(folder, `ours-${kind}.onnx`), join(folder, `theirs-${kind}.onnx`)];
    const mine: Measured[] = [];
    const others: Measured[] = [];
    for (let round = 0; round < rounds; round += 1) {
      mine.push(await measure(process.execPath, 'quantizeOurs.ts', kind, ours));
      if (peer !== null && python !== undefined)
        others.push(await measure(python, 'quantizePeer.py', peer, theirs));
    }
    const seconds = mine.map(one => one.seconds);
    const cells = [
      `${title.padEnd(40)} ${spread(seconds)} s, ${Math.max(...mine.map(one => one.peakMegabytes)).toFixed(0)} MB`,
    ];
    if (others.length > 0) {
      const ratios = seconds.map((own, round) => own / (others[round]?.seconds ?? NaN));
      cells.push(`Python ${spread(others.map(one => one.seconds))} s`, `ratio ${spread(ratios)}`);
    }
    if (largestShare !== null) {
      const share = statSync(ours).size / floatBytes;
      cells.push(`file ${(100 * share).toFixed(2)} %`);
      if (share > largestShare) process.exitCode = 1;
    } else if (median(seconds) > LONGEST_SECONDS) process.exitCode = 1;
    console.log(cells.join('; '));
  }
} finally {
  rmSync(folder, {recursive: true, force: true});
}
