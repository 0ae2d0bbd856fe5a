import type {Recognition} from './target.ts';

/** 64-bit ARM: i8mm multiplies 8-bit matrices, dotprod (`asimddp`) 8-bit vectors, the others neither. */
export const ARM64: readonly Recognition[] = [
  {name: 'arm64-i8mm', anyOf: ['i8mm']},
  {name: 'arm64-dotprod', anyOf: ['asimddp']},
  {name: 'arm64', anyOf: []},
];
