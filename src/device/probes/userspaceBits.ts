import {wholeNumberFrom, type Probe} from './probe.ts';

/** 32 or 64: boards are sold with a 64-bit kernel under a 32-bit system, on which no 64-bit program starts. */
export const userspaceBits: Probe<number> = {
  argv: ['getconf', 'LONG_BIT'],
  parse: wholeNumberFrom,
};
