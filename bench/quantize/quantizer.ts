import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

/** Of one quantisation, file to file. */
export interface Made {
  /** Without loading modules. */
  readonly seconds: number;
  /** Of the process up to now. */
  readonly peakMegabytes: number;
}

/** A process that quantises one model whenever it is told to. */
export interface Quantizer {
  quantize(): Promise<Made>;
  /** Waits until the process has ended. */
  close(): Promise<void>;
}

export interface QuantizerTask {
  readonly model: string;
  readonly calibration: string;
  readonly recipe: string;
  readonly out: string;
  readonly samples?: number;
}

export function besideThis(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

/** `script`: quantizePlainly.ts, or what it was built into. */
export function startOurs(task: QuantizerTask, script = besideThis('quantizePlainly.ts')): Quantizer {
  return startQuantizer(process.execPath, script, task);
}

export function startPeer(python: string, task: QuantizerTask): Quantizer {
  return startQuantizer(python, besideThis('quantizePeer.py'), task);
}

function startQuantizer(program: string, script: string, task: QuantizerTask): Quantizer {
  const {model, calibration, recipe, out, samples} = task;
  const count = samples === undefined ? [] : [String(samples)];
  const child = spawn(program, [script, model, calibration, recipe, out, ...count]);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const ended = new Promise<void>(resolve => child.on('close', () => resolve()));
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  return {
    async quantize() {
      child.stdin.write('\n');
      // onnxruntime.quantization prints what it does besides.
      for (let line = await lines.next(); line.done !== true; line = await lines.next())
        if (line.value.startsWith('{')) return JSON.parse(line.value) as Made;
      await ended;
      throw new Error(complaints.trim().split('\n').at(-1) ?? 'no answer');
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
