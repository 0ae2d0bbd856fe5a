/**
 * Quantising, against onnxruntime.quantization on the models of ../shared/models: one table for each thing that is to be
 * shown. Needs Python with onnx and onnxruntime in EDGEWISE_PYTHON; without it, a virtual environment is made in a
 * temporary folder. Ends with 1 when a bar is missed.
 *
 *   node bench/quantize.ts [--only quality,time,memory,control] [--target NAME] [--data FOLDER] [NAME …]
 *
 * --target: whose files are held against the peer's; x86-vnni, or x86 on a machine without. For another than this machine
 * accuracy is that of exact sums, and times are this machine's all the same.
 * --data: where the samples are prepared, or were by an earlier run. NAME: part of a model's name.
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {saturatesHere} from '../src/workflows/saturatesHere.ts';
import {findPython} from './quantize/findPython.ts';
import {measureControl} from './quantize/measureControl.ts';
import {measureMemory} from './quantize/measureMemory.ts';
import {measureQuality} from './quantize/measureQuality.ts';
import {measureTime} from './quantize/measureTime.ts';
import {prepareSubjects} from './quantize/subjects.ts';
import {startTables} from './quantize/table.ts';

const PARTS = ['quality', 'time', 'memory', 'control'];
/** For time and memory: small, middle and large; the peer's recipe fails on mnist-cnn. */
const TIMED = ['mnist_conv_small_nat', 'resnet20_cifar10', 'squeezenet1.1_fp32', 'light_resnet50'];

const targetHere = (await saturatesHere()) ? 'x86' : 'x86-vnni';
const {values, positionals} = parseArgs({
  options: {
    only: {type: 'string', default: PARTS.join(',')},
    target: {type: 'string', default: targetHere},
    data: {type: 'string'},
  },
  allowPositionals: true,
});
const parts = values.only.split(',');
const unknown = parts.filter(part => !PARTS.includes(part));
if (unknown.length > 0) throw new Error(`--only takes ${PARTS.join(', ')}, not ${unknown.join(', ')}`);

const folder = mkdtempSync(join(tmpdir(), 'edgewise-bench-quantize-'));
try {
  const python = await findPython(folder);
  const all = await prepareSubjects(python, values.data ?? join(folder, 'data'));
  const named = all.filter(({name}) => positionals.some(part => name.includes(part)));
  const timed = positionals.length > 0 ? named : all.filter(({name}) => TIMED.includes(name));
  const judged = positionals.length > 0 ? named : all.filter(({kind}) => kind !== 'topology');
  const tables = startTables(line => console.log(line));
  if (parts.includes('quality')) {
    const {target} = values;
    await measureQuality({python, target, isHere: target === targetHere}, judged, tables);
  }
  if (parts.includes('time')) await measureTime(python, timed, tables);
  if (parts.includes('memory')) await measureMemory(python, timed, tables);
  if (parts.includes('control')) await measureControl(judged, tables);
  if (tables.hasMissed()) process.exitCode = 1;
} finally {
  rmSync(folder, {recursive: true, force: true});
}
