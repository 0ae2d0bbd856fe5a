import {chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import type {Build, Precision} from '../../src/documents/build.ts';
import {IMPROVEMENTS} from '../../src/documents/improvements.ts';
import type {Hardware} from '../../src/documents/profile.ts';
import {yamlFromDocument} from '../../src/documents/printDocument.ts';
import {writeHeader} from '../../src/documents/writeHeader.ts';
import {ignoreEvents} from '../../src/events.ts';
import {drawPictures} from '../../src/lab/pictures.ts';
import {fixInputShapes} from '../../src/model/fixInputShapes.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {graphFromModel} from '../../src/model/graphFromModel.ts';
import {targetByName} from '../../src/targets/targetByName.ts';
import {compileByVendor} from '../../src/workflows/builds/compileByVendor.ts';
import type {CompiledCandidate} from '../../src/workflows/builds/compileJob.ts';
import type {CompileRequest} from '../../src/workflows/builds/compileRequest.ts';
import {chooseGoals} from '../../src/workflows/builds/chooseGoals.ts';
import {compile} from '../../src/workflows/compile.ts';
import {openModel} from '../../src/workflows/openModel.ts';
import {openProject} from '../../src/workflows/openProject.ts';
import {
  bytesOfModel,
  graphOf,
  node,
  randomTensor,
  randomWeight,
} from '../unit/quantize/precision/precisionModels.ts';
import {SATURATING_CASES} from './saturatingModels.ts';
import {openSaturatingBuild} from '../../src/workflows/builds/openSaturatingBuild.ts';
import {writeNpy} from '../../src/workspace/npy.ts';

const PICTURES = join(import.meta.dirname, '../../templates/quickstart/pictures.onnx');
const SAMPLES = 24;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-targets-'));
  await mkdir(join(folder, 'bin'));
  await copyFile(PICTURES, join(folder, 'model.onnx'));
  const {pixels} = drawPictures(11, SAMPLES);
  await writeNpy(join(folder, 'calibration.npy'), {
    elementType: 'float32',
    shape: [SAMPLES, 3, 32, 32],
    bytes: new Uint8Array(Float32Array.from(pixels, pixel => pixel / 255).buffer),
  });
  await declare('{name: here, address: local}');
  vi.stubEnv('HOME', folder);
  vi.stubEnv('PATH', `${join(folder, 'bin')}:/usr/bin:/bin`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, {recursive: true, force: true});
});

async function declare(device: string, more = ''): Promise<void> {
  await writeFile(
    join(folder, 'edgewise.yaml'),
    `kind: edgewise/project\nformatVersion: 1\nmodel: {file: model.onnx}\ncalibration: calibration.npy\ndevices:\n  - ${device}\n${more}`,
  );
}

async function build(request: Partial<CompileRequest>): Promise<Build> {
  const [made] = await compile(
    {
      projectPath: folder,
      precision: 'auto',
      isPruned: false,
      // What is tried here is which builds there are, not how good they get.
      without: IMPROVEMENTS,
      calibrationSamples: 8,
      seed: 0,
      connect: {acceptNewHostKeys: false},
      ...request,
    },
    ignoreEvents,
  );
  if (made === undefined) throw new Error('no build');
  return made.build;
}

const reasonOf = ({recipe}: Build, decision: RegExp): string | undefined =>
  recipe.find(one => decision.test(one.decision))?.reason;

/** Of a file in the store or beside the document: how often each operator occurs, and the types of the weights. */
function contentOf(path: string): {operators: Set<string>; types: Set<number>} {
  const opened = openModel(path);
  try {
    const {layers, model} = graphFromModel(opened.model);
    return {
      operators: new Set(layers.map(({operator}) => operator)),
      types: new Set(
        model.graph.initializers
          .filter(({dims}) => dims.length > 1)
          .map(({elementTypeCode}) => elementTypeCode),
      ),
    };
  } finally {
    opened.close();
  }
}

/** TensorProto.DataType */
const [FLOAT, UINT8, INT8, FLOAT16, INT4] = [1, 2, 3, 10, 22];

describe('a precision that is asked for by name', () => {
  // No machine of this family is at hand, so that the recipe's first is handed out.
  const target = 'arm64';
  it.each<{precision: Precision; candidates: string[]; has: string; types: number[]}>([
    {precision: 'fp16', candidates: ['fp16'], has: 'Cast', types: [FLOAT16]},
    {precision: 'int8', candidates: ['int8-s8s8', 'int8-u8s8'], has: 'QuantizeLinear', types: [INT8]},
    {
      precision: 'int8-dynamic',
      candidates: ['int8-dynamic'],
      has: 'DynamicQuantizeLinear',
      types: [FLOAT, INT8],
    },
    {
      precision: 'int8-weights',
      candidates: ['int8-weights', 'int8-blocks'],
      has: 'DequantizeLinear',
      types: [INT8],
    },
    {
      precision: 'int4-weights',
      candidates: ['int4-weights', 'int4-weights-asymmetric', 'int4-weights-standard'],
      has: 'MatMulNBits',
      types: [FLOAT, UINT8],
    },
  ])('is built: $precision', async ({precision, candidates, has, types}) => {
    const made = await build({target, precision});
    expect(made.precision).toBe(precision);
    expect(made.candidates?.map(({name}) => name)).toEqual([...candidates, 'fp32']);
    const {operators, types: found} = contentOf(join(folder, 'builds/arm64.onnx'));
    expect(operators).toContain(has);
    expect([...found].sort()).toEqual(expect.arrayContaining(types));
    expect(made.artefact.sizeBytes).toBeLessThan((made.artefact.originalSizeBytes ?? 0) * 0.55);
    expect(reasonOf(made, /^speed was not measured$/)).toBe(
      'no device was named, and this machine is not of target arm64',
    );
  });

  it('that the target cannot run is refused in one sentence', async () => {
    await expect(build({target: 'stm32mp2', precision: 'fp16'})).rejects.toMatchObject({
      code: 'precision-unsupported',
      exitCode: 13,
      message: 'Target stm32mp2 has no way to fp16; it has int8, fp32.',
    });
  });

  it('writes blocks in standard operators for a runtime that knows no others', async () => {
    const made = await build({target: 'tensorrt-10', precision: 'int4-weights'});
    const {operators, types} = contentOf(join(folder, 'builds/tensorrt-10.onnx'));
    expect([...operators].filter(operator => operator.startsWith('MatMulN'))).toEqual([]);
    expect(types).toContain(INT4);
    expect(reasonOf(made, /^raise opset/)).toContain('scales per block need 21');
  });
});

describe('for TensorRT 11, whose networks are strongly typed', () => {
  it('what is not on integers is float16 in the file', async () => {
    const made = await build({target: 'tensorrt-11'});
    expect(made.candidates?.map(({name}) => name)).toEqual(['int8-fp16', 'fp16', 'fp32']);
    const {operators, types} = contentOf(join(folder, 'builds/tensorrt-11.onnx'));
    expect(operators).toContain('QuantizeLinear');
    expect(types).toContain(FLOAT16);
  });
});

describe('a recipe', () => {
  const namesFor = async (target: string): Promise<string[] | undefined> =>
    (await build({target})).candidates?.map(({name}) => name);

  it('tries dynamic quantisation and 4-bit weights on models that mostly multiply matrices', async () => {
    const graph = graphOf(
      [node('MatMul', ['x', 'w'], ['h']), node('Relu', ['h'], ['r']), node('MatMul', ['r', 'v'], ['y'])],
      [randomWeight('w', [64, 256], 1), randomWeight('v', [256, 64], 2)],
      {x: [4, 64]},
      {y: [4, 64]},
    );
    await writeFile(join(folder, 'model.onnx'), bytesOfModel(graph.model));
    await writeNpy(join(folder, 'calibration.npy'), randomTensor([SAMPLES * 4, 64], 3));
    expect(await namesFor('arm64')).toEqual([
      'int8-s8s8',
      'int8-u8s8',
      'int8-dynamic',
      'int4-weights',
      'fp32',
    ]);
  });

  it('leaves them out on models that mostly convolve, and has half precision where the processor has', async () => {
    expect(await namesFor('arm64-dotprod')).toEqual(['int8-s8s8', 'int8-u8s8', 'fp16', 'fp32']);
  });
});

describe('half precision', () => {
  it('keeps the layers in float32 that lose most, as far as the budget needs', async () => {
    await declare('{name: here, address: local}', 'accuracy: {metric: sqnr, minimum: 85}\n');
    const made = await build({target: 'arm64', precision: 'fp16'});
    expect(made.accuracy?.build).toBeGreaterThanOrEqual(85);
    expect(made.floatLayers?.filter(({reason}) => reason === 'accuracy').length).toBeGreaterThan(0);
  });
});

describe('x86 without VNNI', () => {
  it.each(SATURATING_CASES.filter(({saturates}) => saturates).slice(0, 2))(
    'says which layers of a build can saturate there: $title',
    async ({model}) => {
      const path = join(folder, 'saturating.onnx');
      await writeFile(path, bytesFromModel(model));
      const opened = await openSaturatingBuild(path, {temporaryFolder: folder, threads: 1});
      await opened.close();
      if (process.arch === 'x64')
        expect(opened.decisions[0]?.decision).toMatch(/sums of \S+ can saturate there, which was emulated$/);
    },
  );

  it('is judged with the saturation of its sums, which the build avoids', async () => {
    const made = await build({target: 'x86', precision: 'int8'});
    expect(made.candidates?.map(({name}) => name)).toEqual(['int8-u8s8-7-bit', 'int8-u8u8', 'fp32']);
    const hasVnni = /vnni/.test(await readFile('/proc/cpuinfo', 'utf8'));
    // Only such a processor tells how fast it would be there; where this machine is one, fp32 may have won.
    if (hasVnni) expect(made).toMatchObject({precision: 'int8'});
    if (hasVnni) expect(made.latency).toBeUndefined();
    if (made.precision === 'int8')
      expect(reasonOf(made, /^judged as on a processor without VNNI: no sum/)).toContain('16 bits');
  });
});

/** Prints what the recorded reports have, with the latency of its precision; the engine tells the flags it was built with. */
async function installTrtexec(latencies: {int8: number; fp16: number; fp32: number}): Promise<void> {
  const fixture = (name: string): string =>
    join(import.meta.dirname, `../fixtures/compilers/trtexec-10.13-${name}.json`);
  await writeFile(
    join(folder, 'bin/trtexec'),
    `#!/bin/sh
case "$*" in
  --help) echo '&&&& RUNNING TensorRT.trtexec [TensorRT v101300] # trtexec --help';;
  *--int8*saveEngine*|*saveEngine*--int8*) echo ${latencies.int8} > model.engine;;
  *saveEngine*--fp16*) echo ${latencies.fp16} > model.engine;;
  *saveEngine*) echo ${latencies.fp32} > model.engine;;
  *)
    sed -E "s/\\"latencyMs\\" : [0-9.]+/\\"latencyMs\\" : $(cat model.engine)/" ${fixture('times')} > times.json
    cp ${fixture('profile')} profile.json
    cp ${fixture('layers')} layers.json;;
esac
`,
  );
  await chmod(join(folder, 'bin/trtexec'), 0o755);
}

describe("a target with its vendor's compiler", () => {
  const jetson = '{name: jetson, address: local, target: tensorrt-10}';

  it('int8 and half precision are both compiled, and the faster one on the device is handed out', async () => {
    await declare(jetson);
    await installTrtexec({int8: 2.5, fp16: 1.5, fp32: 3});
    const made = await build({device: 'jetson'});
    expect(made.precision).toBe('fp16');
    expect(made.candidates?.map(({name, latencyMs}) => [name, latencyMs])).toEqual([
      ['int8', 2.5],
      ['fp16', 1.5],
      ['fp32', 3],
    ]);
    expect(made.latency).toMatchObject({machine: 'jetson', ratio: 0.5});
    expect(made.compiled).toMatchObject({
      by: ['trtexec 10.13.0'],
      machine: 'jetson',
      files: [{file: 'builds/tensorrt-10.engine'}],
    });
    expect(await readFile(join(folder, 'builds/tensorrt-10.engine'), 'utf8')).toBe('1.5\n');
    expect(reasonOf(made, /^compiled with trtexec 10.13.0 on jetson/)).toBeDefined();
  });

  it('nothing slower than fp32 is handed out', async () => {
    await declare(jetson);
    await installTrtexec({int8: 2.5, fp16: 2.2, fp32: 2});
    const made = await build({device: 'jetson'});
    expect(made.precision).toBe('fp32');
    expect(made.candidates?.map(({verdict}) => verdict)).toEqual([
      'left: slower than fp32 (1.25 × the time of fp32)',
      'left: slower than fp32 (1.10 × the time of fp32)',
      'taken: nothing else is faster',
    ]);
  });

  it('that fails shows its last lines, and there is no build', async () => {
    await declare(jetson);
    await installTrtexec({int8: 1, fp16: 1, fp32: 1});
    await writeFile(
      join(folder, 'bin/trtexec'),
      '#!/bin/sh\n[ "$1" = --help ] && exit 0\necho "[E] Error[4]: unsupported layer" >&2; exit 1\n',
    );
    await expect(build({device: 'jetson'})).rejects.toMatchObject({
      code: 'compiler-failed',
      exitCode: 12,
      message: expect.stringContaining('[E] Error[4]: unsupported layer') as string,
    });
    expect(await readdir(folder)).not.toContain('builds');
  });

  it('that the named device lacks is an error that says how to get it, before anything is quantised', async () => {
    await declare(jetson);
    const titles: string[] = [];
    await expect(
      compile(
        {
          projectPath: folder,
          device: 'jetson',
          precision: 'auto',
          isPruned: false,
          without: [],
          calibrationSamples: 8,
          seed: 0,
          connect: {acceptNewHostKeys: false},
        },
        event => {
          if (event.kind === 'step-started') titles.push(event.title);
        },
      ),
    ).rejects.toMatchObject({
      code: 'compiler-missing',
      exitCode: 12,
      hints: expect.arrayContaining(['On a Jetson: sudo apt-get install libnvinfer-bin']) as string[],
    });
    expect(titles).toEqual([]);
  });

  it('without a device the ONNX file is handed out, and the build says what is missing', async () => {
    const made = await build({target: 'stm32mp2'});
    expect(made.precision).toBe('int8');
    expect(made.compiled).toBeUndefined();
    expect(made.warnings?.join()).toContain('https://www.st.com/en/development-tools/stedgeai-core.html');
    expect(reasonOf(made, /^not compiled with the vendor's compiler/)).toContain('stedgeai is not on');
  });

  it('of IREE, which is not there, is named with the way to get it', async () => {
    const made = await build({target: 'iree'});
    expect(made.candidates?.map(({name}) => name)).toEqual(['int8-weights', 'fp32']);
    expect(made.precision).toBe('int8-weights');
    expect(made.compiled).toBeUndefined();
    expect(made.warnings?.join()).toContain(
      "iree/bin/pip install 'iree-base-compiler[onnx]' iree-base-runtime",
    );
    expect(reasonOf(made, /^not compiled with the vendor's compiler/)).toContain(
      'iree-import-onnx is not on',
    );
    await expect(build({device: 'here', target: 'iree'})).rejects.toMatchObject({
      code: 'compiler-missing',
      exitCode: 12,
      hints: expect.arrayContaining([expect.stringContaining('iree-base-compiler')]) as string[],
    });
  });

  it('that must know the very chip asks for a device', async () => {
    await expect(build({target: 'rknn'})).rejects.toMatchObject({code: 'target-needs-device', exitCode: 2});
  });

  it('that quantises by itself gets the calibration samples', async () => {
    await writeFile(
      join(folder, 'bin/python3'),
      `#!/bin/sh
[ "$1" = -c ] && echo 'rknn-toolkit2 2.3.2' && exit 0
for sample in $(cat dataset.txt); do [ -s "$sample" ] || exit 9; done
wc -l < dataset.txt > model.rknn
`,
    );
    await chmod(join(folder, 'bin/python3'), 0o755);
    const project = await openProject(folder);
    const opened = openModel(PICTURES);
    const rival: CompiledCandidate = {
      name: 'int8',
      precision: 'int8',
      digest: await project.store.put([
        bytesFromModel(fixInputShapes(opened.model, {image: [1, 3, 32, 32]})),
      ]),
      sizeBytes: 1,
      layers: 11,
      recipe: [],
      floatLayers: [],
      fidelity: {maxAbsoluteDifference: 0, samples: 1},
      accuracy: null,
      isWithinBudget: true,
      validations: 1,
      pruning: null,
    };
    opened.close();
    const target = targetByName('rknn');
    const facts = {...JETSON, board: {model: 'ROCK 5B', compatible: ['radxa,rock-5b', 'rockchip,rk3588']}};
    const made = await project.withTemporaryFolder(temporaryFolder =>
      compileByVendor(
        {
          project,
          target,
          compiler: {
            kind: 'found',
            name: 'rknn',
            device: null,
            isTiming: false,
            facts,
            isForThisMachine: false,
          },
          job: {
            modelFile: project.modelFile,
            inputShapes: {},
            storeFolder: project.store.folder,
            temporaryFolder,
            cacheFolder: project.cacheFile('compiled'),
            data: {
              calibration: 'calibration.npy',
              evaluation: null,
              preprocessing: null,
              baseFolder: folder,
              calibrationSamples: 8,
            },
            metric: null,
            budget: null,
            candidates: target.recipe.candidates,
            saturates: false,
            without: [],
            pruning: null,
            seed: 0,
            threads: 1,
          },
          rivals: [{...rival, name: 'fp32', precision: 'fp32'}, rival],
          connect: {acceptNewHostKeys: false},
        },
        ignoreEvents,
      ),
    );
    expect(made).toMatchObject({machine: 'this machine', tools: ['rknn-toolkit2 2.3.2'], times: null});
    const [artefact] = made.artefacts.get('int8') ?? [];
    expect([...made.artefacts.keys()]).toEqual(['int8']);
    expect(artefact?.ending).toBe('.rknn');
    expect((await readFile(project.store.pathOf(artefact?.digest ?? ''), 'utf8')).trim()).toBe('8');
  });
});

const JETSON: Hardware = {
  architecture: 'arm64',
  cpuModel: 'Cortex-A78AE',
  cores: 6,
  cpuFeatures: ['fp', 'asimd', 'asimddp'],
  memoryBytes: 8e9,
  freeDiskBytes: 1e10,
  operatingSystem: 'Ubuntu 22.04',
  kernel: '5.15.148-tegra',
  libc: {name: 'glibc', version: '2.35'},
  linuxForTegra: '36.4.3',
  tensorrt: '10.3.0',
  tools: {trtexec: '/usr/src/tensorrt/bin/trtexec'},
};

describe('a device that is several targets', () => {
  it("is compiled for its vendor's runtime and for what the agent serves", async () => {
    await declare('{name: jetson, address: jetson.local}');
    const project = await openProject(folder);
    const file = project.profileFile('jetson');
    await mkdir(join(file, '..'), {recursive: true});
    await writeFile(
      file,
      yamlFromDocument('profile', {
        ...writeHeader('profile', {version: '0.0.0', now: new Date(0), madeFrom: {}}),
        machine: {name: 'jetson', tier: 'device', address: 'jetson.local'},
        hardware: JETSON,
        runtime: {onnxruntime: '1.30.0', node: '24.0.0'},
        models: [],
        links: [],
      }),
    );
    const connect = {acceptNewHostKeys: false};
    const named = await chooseGoals(project, {device: 'jetson', connect});
    expect(named.map(({target, device}) => [target.name, device?.name])).toEqual([
      ['tensorrt-10', 'jetson'],
      ['arm64-dotprod', 'jetson'],
    ]);
    const all = await chooseGoals(project, {connect});
    expect(all.map(({target}) => target.name)).toEqual(['tensorrt-10', 'arm64-dotprod']);
  });
});
