import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {compilerJobFor, type JobDetails} from '../../../../src/targets/compilers/compilerJobFor.ts';
import {ReportUnreadable, type CompilerJob} from '../../../../src/targets/compilers/compilerJob.ts';
import {IREE_COMPILE, latencyFromBenchmark} from '../../../../src/targets/compilers/iree.ts';
import {
  latencyFromBenchmarkApp,
  layersFromCounters,
  OVC,
} from '../../../../src/targets/compilers/openvino.ts';
import {RKNN_TOOLKIT, rknnDataset} from '../../../../src/targets/compilers/rknn.ts';
import {STEDGEAI} from '../../../../src/targets/compilers/stedgeai.ts';
import {summarizeLatencies} from '../../../../src/targets/compilers/summarizeLatencies.ts';
import {layersFromProfile, TRTEXEC, trtexecJob} from '../../../../src/targets/compilers/trtexec.ts';
import type {TargetFacts, TargetName} from '../../../../src/targets/target.ts';
import {targetByName} from '../../../../src/targets/targetByName.ts';

const folders = {work: '/home/pi/.edgewise/work/compiler-1', cache: '/home/pi/.edgewise/cache'};
const DETAILS: JobDetails = {
  facts: null,
  inputType: 'f32',
  isSparse: false,
  seconds: 5,
  isForThisMachine: false,
  graphName: 'main_graph',
  inputs: [],
};

function recorded(name: string): string {
  return readFileSync(new URL(`../../../fixtures/compilers/${name}`, import.meta.url), 'utf8');
}

/** Command lines as somebody would type them. */
function commandLines(job: CompilerJob | null): string[] {
  return (job?.calls ?? []).map(({tool, args}) => [tool.name, ...args(folders)].join(' '));
}

function jobOf(
  name: TargetName,
  candidateName: string,
  details: Partial<JobDetails> = {},
): CompilerJob | null {
  const target = targetByName(name);
  const candidate = target.recipe.candidates.find(one => one.name === candidateName);
  expect(candidate).toBeDefined();
  return compilerJobFor(target, candidate!, {...DETAILS, ...details});
}

function onBoard(...compatible: string[]): TargetFacts {
  return {architecture: 'arm64', cpuFeatures: [], cores: 4, board: {model: 'a board', compatible}};
}

describe('command lines for', () => {
  const build = `trtexec --onnx=model.onnx --saveEngine=model.engine --timingCacheFile=${folders.cache}/tensorrt-`;
  const time =
    'trtexec --loadEngine=model.engine --duration=5 --exportTimes=times.json --exportProfile=profile.json --exportLayerInfo=layers.json';

  it.each([
    ['fp32', ''],
    ['fp16', ' --fp16'],
    ['int8', ' --int8 --fp16'],
  ])('TensorRT 10 say which precisions it may use: %s', (candidate, flags) => {
    expect(commandLines(jobOf('tensorrt-10', candidate))).toEqual([
      `${build}10.cache --skipInference --profilingVerbosity=detailed${flags}`,
      `${time} --separateProfileRun`,
    ]);
  });

  it.each(['fp32', 'fp16', 'int8-fp16'])('TensorRT 11 leave precisions to the file: %s', candidate => {
    expect(commandLines(jobOf('tensorrt-11', candidate))).toEqual([
      `${build}11.cache --skipInference --profilingVerbosity=detailed`,
      `${time} --includeDataTransfers`,
    ]);
  });

  it('TensorRT follow the version on the device', () => {
    const facts: TargetFacts = {architecture: 'x64', cpuFeatures: [], cores: 8, tensorrt: '8.6.1'};
    expect(commandLines(jobOf('tensorrt-10', 'fp16', {facts}))[0]).toContain('tensorrt-8.cache');
  });

  it('sparse weights ask TensorRT for sparse kernels', () => {
    expect(commandLines(jobOf('tensorrt-10', 'int8', {isSparse: true}))[0]).toMatch(
      /--int8 --fp16 --sparsity=enable$/,
    );
  });

  it.each([
    ['int8-7-bit', 'False', ''],
    ['fp16', 'True', ''],
    ['fp32', 'False', ' -infer_precision f32'],
  ])('OpenVINO: %s', (candidate, isCompressed, precision) => {
    expect(commandLines(jobOf('openvino', candidate))).toEqual([
      `ovc model.onnx --output_model model.xml --compress_to_fp16=${isCompressed}`,
      `benchmark_app -m model.xml -d CPU -hint latency -t 5 -ip f32${precision} -report_type average_counters -report_folder ${folders.work}`,
    ]);
  });

  const ireeLines = (processor: string): string[] => [
    'iree-import-onnx model.onnx --opset-version 17 -o model.mlir',
    `iree-compile model.mlir --iree-hal-target-device=local --iree-hal-local-target-device-backends=llvm-cpu ${processor} --iree-opt-level=O2 -o model.vmfb`,
  ];

  it('IREE name the processor of the device', () => {
    const facts: TargetFacts = {...onBoard(), cpuModel: 'ARM Cortex-A76', cpuFeatures: ['asimddp']};
    expect(commandLines(jobOf('iree', 'fp32', {facts}))).toEqual(
      ireeLines('--iree-llvmcpu-target-triple=aarch64-linux-gnu --iree-llvmcpu-target-cpu=cortex-a76'),
    );
  });

  it('IREE name what cores of several kinds have in common', () => {
    const facts: TargetFacts = {
      ...onBoard(),
      cpuModel: 'ARM Cortex-A55 + ARM Cortex-A76',
      cpuFeatures: ['asimddp', 'asimdhp', 'fp'],
    };
    expect(commandLines(jobOf('iree', 'fp32', {facts}))).toEqual(
      ireeLines(
        '--iree-llvmcpu-target-triple=aarch64-linux-gnu --iree-llvmcpu-target-cpu=generic --iree-llvmcpu-target-cpu-features=+dotprod,+fullfp16',
      ),
    );
  });

  it('IREE time what is for the machine that compiles, with the types and shapes of its inputs', () => {
    const inputs = [
      {name: 'image', elementType: 'uint8', shape: [1, 3, 32, 32]},
      {name: 'threshold', elementType: 'float32', shape: []},
      {name: 'mask', elementType: 'bool', shape: [4]},
    ] as const;
    expect(commandLines(jobOf('iree', 'fp32', {isForThisMachine: true, inputs}))).toEqual([
      ...ireeLines('--iree-llvmcpu-target-cpu=host'),
      'iree-benchmark-module --module=model.vmfb --device=local-task --function=main_graph --input=1x3x32x32xi8=0 --input=f32=0 --input=4xi8=0 --benchmark_repetitions=10 --benchmark_min_time=0.2s --benchmark_format=json',
    ]);
  });

  it('the STM32MP2 name its line of chips', () => {
    const [line] = commandLines(
      jobOf('stm32mp2', 'int8-per-tensor', {facts: onBoard('st,stm32mp235f-dk', 'st,stm32mp235')}),
    );
    expect(line).toBe(
      `stedgeai generate --model model.onnx --target stm32mp23 --output ${folders.work} --workspace ${folders.work}/workspace`,
    );
    expect(commandLines(jobOf('stm32mp2', 'int8-per-tensor'))[0]).toContain('--target stm32mp25');
  });

  it('RKNN give the samples only where it is to quantise', () => {
    const facts = onBoard('radxa,rock-5b', 'rockchip,rk3588');
    const line = 'rknn-toolkit2 compile.py --model model.onnx --platform rk3588 --output model.rknn';
    expect(commandLines(jobOf('rknn', 'int8', {facts}))).toEqual([`${line} --dataset dataset.txt`]);
    expect(commandLines(jobOf('rknn', 'fp16', {facts}))).toEqual([line]);
  });

  it('RKNN need a device: the toolkit compiles for one chip', () => {
    expect(() => jobOf('rknn', 'int8')).toThrow(expect.objectContaining({code: 'target-needs-device'}));
  });

  it('targets that run the ONNX file are none', () => {
    expect(jobOf('x86-vnni', 'int8-u8s8')).toBeNull();
  });
});

describe('what tools say of their version:', () => {
  it.each([
    [OVC, 'OpenVINO Model Converter (ovc) 2026.4.1-22982-e213a147257-releases/2026/4\n', '2026.4.1'],
    [
      IREE_COMPILE,
      'IREE (https://iree.dev):\n  IREE compiler version 3.13.0rc20261016 @ 89ece87b\n  LLVM version 24.0.0git\n',
      '3.13.0rc20261016',
    ],
    [TRTEXEC, '&&&& RUNNING TensorRT.trtexec [TensorRT v101300] [b34] # trtexec --help\n', '10.13.0'],
    [
      TRTEXEC,
      '&&&& RUNNING TensorRT.trtexec [TensorRT v8502] # /usr/src/tensorrt/bin/trtexec --help\n',
      '8.5.2',
    ],
    [TRTEXEC, '=== Model Options ===\n  --onnx=<file> ONNX model\n', undefined],
    [STEDGEAI, 'ST Edge AI Core v2.2.0-20266 2adc00962\n', '2.2.0'],
    [RKNN_TOOLKIT, 'rknn-toolkit2 2.3.2\n', '2.3.2'],
  ])('%s', ({parseVersion}, output, version) => {
    expect(parseVersion(output)).toBe(version);
  });
});

describe('reports of', () => {
  const console = recorded('benchmark_app-2026.4.console.txt');
  const statistics = recorded('benchmark_app-2026.4.statistics.csv');

  it('benchmark_app have latencies in microseconds on the console', () => {
    const latency = latencyFromBenchmarkApp(console, statistics);
    expect(latency.runs).toBe(4094);
    expect(latency.medianMs).toBeCloseTo(0.0808, 9);
    expect(latency.meanMs).toBeCloseTo(0.2285, 9);
    expect(latency.minMs).toBeCloseTo(0.06462, 9);
    expect(latency.maxMs).toBeCloseTo(4.36827, 9);
  });

  it('benchmark_app have them in milliseconds in the statistics, which do when the console is silent', () => {
    expect(latencyFromBenchmarkApp('', statistics)).toEqual({
      medianMs: 0.08,
      meanMs: 0.23,
      minMs: 0.06,
      maxMs: 4.37,
      runs: 4094,
    });
  });

  it('benchmark_app without a latency are no reports', () => {
    expect(() => latencyFromBenchmarkApp('[ INFO ] Throughput: 3 FPS', '')).toThrow(ReportUnreadable);
  });

  it('benchmark_app tell of each layer that was run which kernel ran it', () => {
    const layers = layersFromCounters(recorded('benchmark_app-2026.4.counters.csv'));
    expect(layers.filter(({operator}) => operator === 'Convolution').length).toBe(9);
    expect(layers.every(({kernel}) => !/undef|unknown/.test(kernel))).toBe(true);
    // Too short to be timed, which the report calls not run.
    expect(layers).toContainEqual({
      name: expect.any(String) as string,
      operator: 'Softmax',
      kernel: 'jit_avx512_f32',
      ms: 0,
    });
    expect(() => layersFromCounters('name;time\n')).toThrow(ReportUnreadable);
  });

  it('iree-benchmark-module have one time per repetition', () => {
    const latency = latencyFromBenchmark(recorded('iree-benchmark-module-3.13.json'));
    expect(latency?.runs).toBe(3);
    expect(latency?.medianMs).toBeGreaterThan(0.5);
    expect(latency?.medianMs).toBeLessThan(10);
    expect(() => latencyFromBenchmark('no JSON')).toThrow(ReportUnreadable);
  });

  it('trtexec have the latency of each request, and the average of each layer with its kernel', () => {
    const reports = new Map([
      ['times.json', recorded('trtexec-10.13-times.json')],
      ['profile.json', recorded('trtexec-10.13-profile.json')],
      ['layers.json', recorded('trtexec-10.13-layers.json')],
    ]);
    const job = trtexecJob({major: 10, precision: 'int8', isSparse: false, seconds: 1});
    const {latency, layers} = job.readMeasurement({stdout: ['', ''], reports});
    expect(latency).toMatchObject({runs: 4, minMs: 2.09473, maxMs: 2.25457});
    expect(latency?.medianMs).toBeCloseTo((2.09583 + 2.11292) / 2, 9);
    expect(layers).toEqual([
      {
        name: 'Reformatting CopyNode for Input Tensor 0 to conv_1 + relu_1',
        operator: 'Reformat',
        kernel: 'Channel major FP16 format where channel % 4 == 0',
        ms: 0.00970754,
      },
      {
        name: 'conv_1 + relu_1',
        operator: 'CaskConvolution',
        kernel:
          'sm80_xmma_fprop_implicit_gemm_interleaved_i8i8_i8i32_f32, Thirty-two wide channel vectorized row major Int8 format',
        ms: 0.129014,
      },
      {
        name: 'fc',
        operator: 'CaskGemmMatrixMultiply',
        kernel: 'sm80_xmma_gemm_f16f16_f16f16_f16_nn_n_tilesize64x64x64_stage4, Row major linear FP32',
        ms: 0.0678803,
      },
    ]);
  });

  it('trtexec that have names of layers alone still have their times', () => {
    const profile: unknown = JSON.parse(recorded('trtexec-10.13-profile.json'));
    const names: unknown = JSON.parse(recorded('trtexec-10.13-layer-names.json'));
    expect(layersFromProfile(profile, names)[1]).toEqual({
      name: 'conv_1 + relu_1',
      operator: '',
      kernel: '',
      ms: 0.129014,
    });
  });

  it.each([
    ['was not written', undefined],
    ['is cut short', '[{ "latencyMs" : 2.1 }, {'],
    ['has other fields', '[{ "latency" : 2.1 }]'],
    ['is no list', '{"latencyMs": 2.1}'],
  ])('trtexec are refused where the times report %s', (_, times) => {
    const reports = new Map(times === undefined ? [] : [['times.json', times]]);
    const job = trtexecJob({major: 11, precision: 'fp16', isSparse: false, seconds: 1});
    expect(() => job.readMeasurement({stdout: ['', ''], reports})).toThrow(ReportUnreadable);
  });
});

describe('small things:', () => {
  it('the median of an even number of latencies lies between the middle two', () => {
    expect(summarizeLatencies([4, 1, 3, 2])).toEqual({
      medianMs: 2.5,
      meanMs: 2.5,
      minMs: 1,
      maxMs: 4,
      runs: 4,
    });
    expect(summarizeLatencies([])).toBeNull();
  });

  it('each line of an RKNN data set names the files of one sample', () => {
    expect(
      rknnDataset([
        ['a.npy', 'b.npy'],
        ['c.npy', 'd.npy'],
      ]),
    ).toBe('a.npy b.npy\nc.npy d.npy\n');
    expect(() => rknnDataset([['my sample.npy']])).toThrow(RangeError);
  });
});
