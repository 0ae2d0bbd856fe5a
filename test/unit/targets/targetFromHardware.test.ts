import {describe, expect, it} from 'vitest';
import {EXIT, ExpectedError} from '../../../src/errors.ts';
import {targetFromHardware} from '../../../src/targets/targetFromHardware.ts';

describe('the target of', () => {
  it.each([
    ['a server with AMX', 'x64', 'fma avx2 avx512_vnni amx_tile amx_int8', 'x86-amx', ['x64', 'amx_int8']],
    ['a server with AVX-512 VNNI', 'x64', 'fma avx2 avx512f avx512_vnni', 'x86-vnni', ['x64', 'avx512_vnni']],
    ['a gateway with AVX VNNI', 'x64', 'fma avx2 avx_vnni', 'x86-vnni', ['x64', 'avx_vnni']],
    ['an older PC', 'x64', 'sse4_2 avx avx2 fma', 'x86', ['x64']],
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
    expect(targetFromHardware({architecture, cpuFeatures: features.split(' '), cores: 4})).toEqual({
      name,
      recognisedBy,
      recipe: {precision: 'fp32', optimisation: 'extended', threads: 4},
    });
  });

  it.each(['armv7', 'riscv64', 'constructor'])('%s is refused by name', architecture => {
    let thrown: unknown;
    try {
      targetFromHardware({architecture, cpuFeatures: [], cores: 4});
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ExpectedError);
    expect(thrown).toMatchObject({code: 'architecture-unsupported', exitCode: EXIT.unsupported});
    expect((thrown as ExpectedError).message).toContain(architecture);
  });
});
