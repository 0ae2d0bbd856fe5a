import {describe, expect, it} from 'vitest';
import {EXIT} from '../../../../src/errors.ts';
import {ireeProcessor} from '../../../../src/targets/compilers/ireeProcessor.ts';

const V2 = 'cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3';
const V3 = `${V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave`;
const V4 = `${V3} avx512bw avx512cd avx512dq avx512f avx512vl`;

describe('the processor that IREE compiles for', () => {
  it.each([
    ['a Raspberry Pi 4', 'arm64', 'ARM Cortex-A72', 'fp asimd', 'cortex-a72', []],
    ['a Jetson Orin', 'arm64', 'ARM Cortex-A78AE', 'fp asimd asimddp', 'cortex-a78ae', []],
    ['a Graviton 2', 'arm64', 'ARM Neoverse-N1', 'fp asimd asimddp', 'neoverse-n1', []],
    ['big and little cores', 'arm64', 'ARM Cortex-A53 + ARM Cortex-A72', 'fp asimd', 'generic', []],
    ['Apple silicon', 'arm64', 'implementer 0x61 part 0x000', 'asimddp i8mm', 'generic', ['dotprod', 'i8mm']],
    ['a core that hides its name', 'arm64', 'unknown', 'asimddp', 'generic', ['dotprod']],
    ['an old Atom', 'x64', 'Intel(R) Atom(TM)', 'ssse3 pni cx16', 'x86-64', []],
    ['a Celeron without AVX', 'x64', 'Intel(R) Celeron(R) J4125', `${V2} movbe`, 'x86-64-v2', []],
    ['an N100', 'x64', 'Intel(R) N100', `${V3} avx_vnni`, 'x86-64-v3', []],
    ['a server with VNNI', 'x64', 'AMD EPYC', `${V4} avx512_vnni`, 'x86-64-v4', ['avx512vnni']],
    ['AVX-512 without AVX2, which there is not', 'x64', 'x', `${V2} avx512f avx512_vnni`, 'x86-64-v2', []],
  ])('of %s', (_, architecture, cpuModel, features, cpu, named) => {
    const processor = ireeProcessor({architecture, cpuModel, cpuFeatures: features.split(' '), cores: 4});
    expect(processor).toMatchObject({cpu, features: named});
    expect(processor.triple).toBe(architecture === 'x64' ? 'x86_64-linux-gnu' : 'aarch64-linux-gnu');
    expect(processor.reason).toContain(cpuModel);
  });

  it('is that of the machine that compiles when there is no other', () => {
    expect(ireeProcessor(null)).toMatchObject({cpu: 'host', features: [], triple: null});
  });

  it.each(['armv7', 'riscv64'])('is refused by name: %s', architecture => {
    expect(() => ireeProcessor({architecture, cpuFeatures: [], cores: 1})).toThrow(
      expect.objectContaining({
        code: 'architecture-unsupported',
        exitCode: EXIT.unsupported,
        message: expect.stringContaining(architecture) as string,
      }),
    );
  });
});
