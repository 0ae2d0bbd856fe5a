import {describe, expect, it} from 'vitest';
import {EXIT, ExpectedError} from '../../../src/errors.ts';
import {targetByName} from '../../../src/targets/targetByName.ts';
import {targetFromHardware, targetsFromHardware} from '../../../src/targets/targetFromHardware.ts';
import {TARGET_NAMES, type TargetFacts, type TargetName} from '../../../src/targets/target.ts';
import {TARGETS} from '../../../src/targets/targets.ts';
import {rknnPlatform} from '../../../src/targets/rknn.ts';

const ORIN_CPU = 'fp asimd crc32 atomics fphp asimdhp asimddp'.split(' ');

const orin: TargetFacts = {
  architecture: 'arm64',
  cpuFeatures: ORIN_CPU,
  cores: 6,
  board: {
    model: 'NVIDIA Jetson Orin Nano Developer Kit',
    compatible: ['nvidia,p3768-0000', 'nvidia,tegra234'],
  },
  linuxForTegra: '36.4.3',
  nvidiaDriver: '540.4.0',
  tensorrt: '10.3.0',
  tools: {trtexec: '/usr/src/tensorrt/bin/trtexec'},
};

const rock: TargetFacts = {
  architecture: 'arm64',
  cpuFeatures: ['asimd', 'asimddp'],
  cores: 8,
  board: {model: 'Radxa ROCK 5B', compatible: ['radxa,rock-5b', 'rockchip,rk3588']},
  tools: {'librknnrt.so': '/usr/lib/librknnrt.so'},
};

const stm32: TargetFacts = {
  architecture: 'arm64',
  cpuFeatures: ['fp', 'asimd'],
  cores: 2,
  board: {model: 'STM32MP257F-EV1', compatible: ['st,stm32mp257f-ev1', 'st,stm32mp257']},
};

const rubik: TargetFacts = {
  architecture: 'arm64',
  cpuFeatures: ['asimd', 'asimddp'],
  cores: 8,
  board: {model: 'Rubik Pi 3', compatible: ['thundercomm,rubikpi3', 'qcom,qcm6490']},
  tools: {'libQnnHtp.so': '/usr/lib/libQnnHtp.so'},
};

const workstation: TargetFacts = {
  architecture: 'x64',
  cpuFeatures: ['avx2', 'fma'],
  cores: 16,
  cpuModel: 'AMD Ryzen 7 5800X 8-Core Processor',
  nvidiaDriver: '580.65.06',
  tensorrt: '11.1.0',
  tools: {trtexec: '/opt/tensorrt/bin/trtexec'},
};

const ACCELERATORS: readonly (readonly [string, TargetFacts, readonly TargetName[]])[] = [
  ['a Jetson Orin', orin, ['tensorrt-10', 'arm64-dotprod', 'arm64']],
  [
    'a Jetson whose TensorRT was raised to 11',
    {...orin, tensorrt: '11.0.0'},
    ['tensorrt-11', 'arm64-dotprod', 'arm64'],
  ],
  ['a Jetson without its compiler', {...orin, tools: {}}, ['arm64-dotprod', 'arm64']],
  [
    'a board with TensorRT and no GPU',
    without(orin, 'linuxForTegra', 'nvidiaDriver'),
    ['arm64-dotprod', 'arm64'],
  ],
  ['a workstation with TensorRT 11', workstation, ['tensorrt-11', 'x86']],
  ['a workstation with a GPU alone', without(workstation, 'tensorrt'), ['x86']],
  ['a Rockchip board', rock, ['rknn', 'arm64-dotprod', 'arm64']],
  ['a Rockchip board without the runtime', {...rock, tools: {}}, ['arm64-dotprod', 'arm64']],
  [
    'a Rockchip board without a neural processor',
    {...rock, board: {model: 'RockPro64', compatible: ['rockchip,rk3399']}},
    ['arm64-dotprod', 'arm64'],
  ],
  ['an STM32MP25', stm32, ['stm32mp2', 'arm64']],
  [
    'an STM32MP21, which has no neural processor',
    {...stm32, board: {model: 'STM32MP215F-DK', compatible: ['st,stm32mp215f-dk', 'st,stm32mp215']}},
    ['arm64'],
  ],
  ['a Snapdragon board', rubik, ['qnn', 'arm64-dotprod', 'arm64']],
  [
    'an Intel PC with OpenVINO',
    {
      architecture: 'x64',
      cpuFeatures: ['avx2', 'avx_vnni'],
      cores: 4,
      cpuModel: 'Intel(R) N100',
      tools: {benchmark_app: '/usr/local/bin/benchmark_app'},
    },
    ['x86-vnni', 'x86', 'openvino'],
  ],
];

describe('the target of', () => {
  it.each([
    ['a server with AMX', 'x64', 'fma avx2 avx512_vnni amx_tile amx_int8', 'x86-amx', ['x64', 'amx_int8']],
    ['a server with AVX-512 VNNI', 'x64', 'fma avx2 avx512f avx512_vnni', 'x86-vnni', ['x64', 'avx512_vnni']],
    ['a gateway with AVX VNNI', 'x64', 'fma avx2 avx_vnni', 'x86-vnni', ['x64', 'avx_vnni']],
    ['an older PC', 'x64', 'sse4_2 avx avx2 fma', 'x86', ['x64']],
    ['a server with AVX-512 from before VNNI', 'x64', 'avx2 avx512f avx512bw avx512vl', 'x86', ['x64']],
    [
      'a Raspberry Pi 5',
      'arm64',
      'fp asimd crc32 atomics asimdhp asimdrdm lrcpc asimddp',
      'arm64-dotprod',
      ['arm64', 'asimddp'],
    ],
    ['a Raspberry Pi 4', 'arm64', 'fp asimd evtstrm crc32 cpuid', 'arm64', ['arm64']],
    ['a Graviton 3', 'arm64', 'fp asimd asimddp sve i8mm bf16', 'arm64-i8mm', ['arm64', 'i8mm']],
    ['an x86 with a feature of ARM in its list', 'x64', 'i8mm asimddp', 'x86', ['x64']],
  ])('%s', (_, architecture, features, name, recognisedBy) => {
    const target = targetFromHardware({architecture, cpuFeatures: features.split(' '), cores: 4});
    expect(target).toMatchObject({name, recognisedBy});
    expect(target.recipe).toMatchObject({threads: 4, artefact: 'onnx', compiler: null});
  });

  it.each(ACCELERATORS)('%s, the best first', (_, facts, names) => {
    expect(targetsFromHardware(facts).map(({name}) => name)).toEqual(names);
  });

  it.each(['armv7', 'riscv64', 'constructor'])('%s is refused by name', architecture => {
    const thrown = thrownBy(() => targetFromHardware({architecture, cpuFeatures: [], cores: 4}));
    expect(thrown).toMatchObject({code: 'architecture-unsupported', exitCode: EXIT.unsupported});
    expect((thrown as ExpectedError).message).toContain(architecture);
  });
});

describe('a target asked for by name', () => {
  it.each(TARGET_NAMES)('%s is there, without a number of threads', name => {
    expect(targetByName(name)).toMatchObject({name, recipe: {threads: null}});
  });

  it('that does not exist names the one that was meant', () => {
    const thrown = thrownBy(() => targetByName('x86-vni'));
    expect(thrown).toMatchObject({code: 'unknown-target', exitCode: EXIT.usage});
    expect((thrown as ExpectedError).message).toBe('There is no target "x86-vni"; did you mean x86-vnni?');
  });

  it('that is like no other lists them all', () => {
    const thrown = thrownBy(() => targetByName('playstation'));
    expect((thrown as ExpectedError).hints[0]).toContain('rknn');
  });
});

describe('OpenVINO', () => {
  const gateway: TargetFacts = {
    architecture: 'x64',
    cpuFeatures: ['avx2', 'avx_vnni'],
    cores: 4,
    cpuModel: 'Intel(R) N100',
    tools: {benchmark_app: '/usr/local/bin/benchmark_app'},
  };
  const int8Builds = (facts: TargetFacts | null): string[] => {
    const target =
      facts === null
        ? targetByName('openvino')
        : targetsFromHardware(facts).find(({name}) => name === 'openvino');
    return (
      target?.recipe.candidates.flatMap(({name, precision}) => (precision === 'int8' ? [name] : [])) ?? []
    );
  };

  it('uses all 8 bits of weights where the processor has VNNI', () => {
    expect(int8Builds(gateway)).toEqual(['int8']);
  });

  it('uses 7 bits where it has not, and where nobody knows', () => {
    expect(int8Builds({...gateway, cpuFeatures: ['avx2']})).toEqual(['int8-7-bit']);
    expect(int8Builds(null)).toEqual(['int8-7-bit']);
  });
});

describe('recipes', () => {
  it.each(TARGETS.map(({name, recipe}) => [name, recipe] as const))(
    '%s: candidates can be told apart',
    (_, {candidates}) => {
      const names = candidates.map(({name}) => name);
      expect(new Set(names).size).toBe(names.length);
    },
  );

  it.each(TARGETS.map(({name, recipe}) => [name, recipe] as const))(
    '%s: what edgewise quantises has a scheme, and nothing else has',
    (_, {candidates}) => {
      for (const {precision, loweredBy, scheme} of candidates)
        expect(scheme !== null).toBe(precision === 'int8' && loweredBy === 'edgewise');
    },
  );

  it.each(
    TARGETS.filter(({recipe}) => recipe.compiler !== null).map(({name, recipe}) => [name, recipe] as const),
  )('%s: another compiler gets no operators that only ONNX Runtime knows', (_, {candidates}) => {
    for (const {optimisation} of candidates) expect(optimisation).toBe('basic');
  });

  it('every named target has one definition', () => {
    expect(TARGETS.map(({name}) => name).sort()).toEqual([...TARGET_NAMES].sort());
  });

  it('RKNN compiles for the chip and not for the board', () => {
    expect(rknnPlatform(['rockchip,rk3588s-orangepi-5', 'rockchip,rk3588s'])).toBe('rk3588');
    expect(rknnPlatform(['radxa,rock-5b'])).toBeNull();
  });
});

function without<Key extends keyof TargetFacts>(facts: TargetFacts, ...keys: readonly Key[]): TargetFacts {
  return Object.fromEntries(
    Object.entries(facts).filter(([key]) => !(keys as readonly string[]).includes(key)),
  ) as unknown as TargetFacts;
}

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ExpectedError);
    return error;
  }
  throw new Error('it did not throw');
}
