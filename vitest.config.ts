import {defineConfig} from 'vitest/config';

/** What these promise is time: they run by themselves, after all others. */
const TIMING = ['test/integration/labLink.test.ts', 'test/integration/labGovernor.test.ts'];

const shared = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  disableConsoleIntercept: true,
  setupFiles: ['test/tools/seedProperties.ts'],
  // Some tests load ONNX Runtime themselves; nothing of them is to be reported over the network.
  env: {ORT_DISABLE_TELEMETRY: '1'},
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: TIMING,
          // Two cores: ONNX Runtime and sshd share them with the tests.
          maxWorkers: 2,
          sequence: {groupOrder: 0},
        },
      },
      {
        test: {...shared, name: 'timing', include: TIMING, maxWorkers: 1, sequence: {groupOrder: 1}},
      },
    ],
  },
});
