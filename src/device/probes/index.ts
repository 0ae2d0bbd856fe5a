import {architecture} from './architecture.ts';
import {board} from './board.ts';
import {bootId} from './bootId.ts';
import {cores} from './cores.ts';
import {disk} from './disk.ts';
import {home} from './home.ts';
import {kernel} from './kernel.ts';
import {libc} from './libc.ts';
import {linuxForTegra} from './linuxForTegra.ts';
import {memory} from './memory.ts';
import {nvidiaDriver} from './nvidiaDriver.ts';
import {operatingSystem} from './operatingSystem.ts';
import {processor} from './processor.ts';
import {tensorrt} from './tensorrt.ts';
import {tools} from './tools.ts';
import {uptime} from './uptime.ts';
import {userspaceBits} from './userspaceBits.ts';

export const probes = {
  architecture,
  board,
  bootId,
  cores,
  disk,
  home,
  kernel,
  libc,
  linuxForTegra,
  memory,
  nvidiaDriver,
  operatingSystem,
  processor,
  tensorrt,
  tools,
  uptime,
  userspaceBits,
} as const;

export type ProbeName = keyof typeof probes;
/** What a probe finds out. */
export type Finding<Name extends ProbeName> = NonNullable<ReturnType<(typeof probes)[Name]['parse']>>;
