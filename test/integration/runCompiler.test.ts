import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {connectMachine} from '../../src/device/connectMachine.ts';
import type {Machine} from '../../src/device/machine.ts';
import {ExpectedError} from '../../src/errors.ts';
import {ignoreEvents, type EdgewiseEvent} from '../../src/events.ts';
import {stedgeaiJob} from '../../src/targets/compilers/stedgeai.ts';
import {rknnJob} from '../../src/targets/compilers/rknn.ts';
import {trtexecJob} from '../../src/targets/compilers/trtexec.ts';
import {writeCompilerInputs} from '../../src/workflows/compilerInputs.ts';
import {runCompiler} from '../../src/workflows/runCompiler.ts';
import {floats} from './operatorCases.ts';

let home: string;
let machine: Machine;
let model: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'edgewise-compiler-'));
  mkdirSync(join(home, 'bin'));
  model = join(home, 'given.onnx');
  writeFileSync(model, 'a model');
  machine = await connectMachine(
    {name: 'bench', address: 'local'},
    {acceptNewHostKeys: false, environment: {HOME: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin`}},
  );
});

afterEach(async () => {
  await machine.close();
  rmSync(home, {recursive: true, force: true});
});

/** A program that stands for the vendor's: the vendor's own are in the interoperability tests or cannot be had. */
function install(name: string, script: string): void {
  const path = join(home, 'bin', name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

const input = () => [{name: 'model.onnx', path: model}];

async function failureOf(work: Promise<unknown>): Promise<ExpectedError> {
  const thrown: unknown = await work.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(ExpectedError);
  return thrown as ExpectedError;
}

function leftOvers(): string[] {
  const work = join(home, '.edgewise/work');
  return existsSync(work) ? readdirSync(work) : [];
}

const STEDGEAI = `
if [ "$1" = --version ]; then echo "ST Edge AI Core v2.2.0-20266 2adc00962"; exit 0; fi
[ "$1 $2 $3 $4 $5 $6" = "generate --model model.onnx --target stm32mp25 --output" ] || exit 9`;

describe('a vendor compiler', () => {
  it('finds the model in a folder of its own, and what it writes is brought back', async () => {
    install('stedgeai', `${STEDGEAI}\nmkdir -p "$7/sub"; tr a-z A-Z < model.onnx > "$7/sub/model.nb"`);
    const events: EdgewiseEvent[] = [];
    const result = await runCompiler(machine, stedgeaiJob('stm32mp25'), input(), event => events.push(event));
    expect(result.artefacts.map(({name, bytes}) => [name, Buffer.from(bytes).toString()])).toEqual([
      ['sub/model.nb', 'A MODEL'],
    ]);
    expect([...result.versions]).toEqual([['stedgeai', '2.2.0']]);
    expect(result.measurement).toEqual({latency: null, layers: []});
    expect(events[0]).toMatchObject({kind: 'step-started', title: 'bench: compile for stm32mp25'});
    expect(leftOvers()).toEqual([]);
  });

  it('that is missing is named with the way to get it, and nothing is written', async () => {
    const error = await failureOf(runCompiler(machine, stedgeaiJob('stm32mp25'), input(), ignoreEvents));
    expect(error).toMatchObject({code: 'compiler-missing', exitCode: 12});
    expect(error.message).toBe('stedgeai is not on bench; looked for stedgeai.');
    expect(error.hints[0]).toContain('https://www.st.com');
    expect(existsSync(join(home, '.edgewise'))).toBe(false);
  });

  it('that fails gives its last lines', async () => {
    install(
      'stedgeai',
      `${STEDGEAI}\nfor i in 1 2 3 4 5 6; do echo "line $i" >&2; done; echo "E010: unsupported layer Foo" >&2; exit 3`,
    );
    const error = await failureOf(runCompiler(machine, stedgeaiJob('stm32mp25'), input(), ignoreEvents));
    expect(error).toMatchObject({code: 'compiler-failed', exitCode: 12});
    expect(error.message).toContain(
      'ended with status 3; it last said:\nline 3\nline 4\nline 5\nline 6\nE010: unsupported layer Foo',
    );
    expect(leftOvers()).toEqual([]);
  });

  it('that says all is well and writes nothing has failed', async () => {
    install('stedgeai', `${STEDGEAI}\necho done`);
    const error = await failureOf(runCompiler(machine, stedgeaiJob('stm32mp25'), input(), ignoreEvents));
    expect(error.message).toContain('it wrote no .nb file; it last said:\ndone');
  });

  it('that does not start is not called missing', async () => {
    install('stedgeai', 'echo "libstdc++.so.6: version GLIBCXX_3.4.32 not found" >&2; exit 1');
    const error = await failureOf(runCompiler(machine, stedgeaiJob('stm32mp25'), input(), ignoreEvents));
    expect(error).toMatchObject({code: 'compiler-failed'});
    expect(error.message).toContain('GLIBCXX_3.4.32');
  });

  it('whose report cannot be read says which', async () => {
    install(
      'trtexec',
      'case "$*" in *saveEngine*) : > model.engine;; *exportTimes*) echo "[ {" > times.json;; esac',
    );
    const job = trtexecJob({major: 10, precision: 'fp16', isSparse: false, seconds: 1});
    const error = await failureOf(runCompiler(machine, job, input(), ignoreEvents));
    expect(error.message).toContain(
      'trtexec on bench: its report cannot be read (times.json: it is not JSON)',
    );
  });

  it('is told that this is a CI job, so that it sends nothing home', async () => {
    install('stedgeai', `${STEDGEAI}\necho "$CI" > "$7/model.nb"`);
    const {artefacts} = await runCompiler(machine, stedgeaiJob('stm32mp25'), input(), ignoreEvents);
    expect(Buffer.from(artefacts[0]!.bytes).toString()).toBe('true\n');
  });

  it('keeps its timing cache for the next model', async () => {
    const script = [
      'for word in "$@"; do case "$word" in --timingCacheFile=*) echo known >> "${word#*=}"; : > model.engine;; esac; done',
      'case "$*" in *exportTimes*)',
      `printf '[{"latencyMs" : 2.5}]' > times.json; printf '[]' > profile.json; printf '{}' > layers.json;; esac`,
    ].join('\n');
    install('trtexec', script);
    const job = trtexecJob({major: 10, precision: 'fp16', isSparse: false, seconds: 1});
    await runCompiler(machine, job, input(), ignoreEvents);
    const {measurement} = await runCompiler(machine, job, input(), ignoreEvents);
    expect(measurement.latency).toMatchObject({medianMs: 2.5, runs: 1});
    expect(readFileSync(join(home, '.edgewise/cache/tensorrt-10.cache'), 'utf8')).toBe('known\nknown\n');
  });

  it('that is a Python library is missing where Python lacks it', async () => {
    install('python3', 'echo "ModuleNotFoundError: No module named \'rknn\'" >&2; exit 1');
    const job = rknnJob({platform: 'rk3588', isQuantized: false});
    const error = await failureOf(runCompiler(machine, job, input(), ignoreEvents));
    expect(error).toMatchObject({code: 'compiler-missing'});
    expect(error.hints[0]).toContain('pip install rknn-toolkit2');
  });

  it('that quantises by itself gets a script and every sample', async () => {
    install(
      'python3',
      'if [ "$1" = -c ]; then echo "rknn-toolkit2 2.3.2"; exit 0; fi; cat dataset.txt > model.rknn; head -c 1 $(cat dataset.txt) > /dev/null && grep -q load_onnx compile.py',
    );
    const samples = {count: 2, read: async (index: number) => ({x: floats([1, 2], [index, 1])})};
    const inputs = await writeCompilerInputs('rknn', model, ['x'], samples, home);
    const job = rknnJob({platform: 'rk3588', isQuantized: true});
    const {artefacts, versions} = await runCompiler(machine, job, inputs, ignoreEvents);
    expect(Buffer.from(artefacts[0]!.bytes).toString()).toBe('sample-0-0.npy\nsample-1-0.npy\n');
    expect(versions.get('rknn-toolkit2')).toBe('2.3.2');
  });
});
