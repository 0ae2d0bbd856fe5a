import type {Recognition} from './target.ts';

/** 64-bit x86: what its multiply-add of 8-bit numbers can do decides how it will be quantised. */
export const X86: readonly Recognition[] = [
  {name: 'x86-amx', anyOf: ['amx_int8']},
  {name: 'x86-vnni', anyOf: ['avx512_vnni', 'avx_vnni']},
  {name: 'x86', anyOf: []},
];
