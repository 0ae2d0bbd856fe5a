import {execFile} from 'node:child_process';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {besideThis} from './quantizer.ts';

const run = promisify(execFile);

/** Python with onnx and onnxruntime: the one in EDGEWISE_PYTHON, else that of a virtual environment made in `folder`. */
export async function findPython(folder: string): Promise<string> {
  const given = process.env['EDGEWISE_PYTHON'];
  if (given !== undefined) return given;
  const environment = join(folder, 'venv');
  await run('python3', ['-m', 'venv', environment]);
  const requirements = besideThis('requirements.txt');
  await run(join(environment, 'bin/pip'), ['install', '--quiet', '--requirement', requirements]);
  return join(environment, 'bin/python');
}
