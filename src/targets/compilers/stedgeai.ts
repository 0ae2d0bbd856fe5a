import {COMPILE_TIMEOUT_MS, MODEL_FILE, NO_MEASUREMENT, type CompilerJob, type Tool} from './compilerJob.ts';

export const STEDGEAI: Tool = {
  name: 'stedgeai',
  programs: ['stedgeai'],
  probe: ['--version'],
  parseVersion: output => /v?(\d+\.\d+\.\d+)/.exec(output)?.[1],
  hints: [
    'Install ST Edge AI Core with its STM32MP2 component from https://www.st.com/en/development-tools/stedgeai-core.html',
    'Put the folder of stedgeai (Utilities/linux) into PATH',
  ],
};

/**
 * Makes the network binary graph that the neural processor runs. On this machine: the compiler is for PCs.
 * @see https://wiki.st.com/stm32mpu/wiki/ST_Edge_AI:_Guide_for_STM32MPU; the command-line interface of 2.2
 */
export function stedgeaiJob(chip: 'stm32mp23' | 'stm32mp25'): CompilerJob {
  return {
    calls: [
      {
        tool: STEDGEAI,
        title: `compile for ${chip}`,
        args: ({work}) => [
          'generate',
          ...['--model', MODEL_FILE],
          ...['--target', chip],
          ...['--output', work],
          ...['--workspace', `${work}/workspace`],
        ],
        timeoutMs: COMPILE_TIMEOUT_MS,
      },
    ],
    artefacts: ['.nb'],
    reports: [],
    readMeasurement: () => NO_MEASUREMENT,
  };
}
