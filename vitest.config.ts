import {defineConfig} from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: ONNX Runtime and sshd share them with the tests.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    disableConsoleIntercept: true,
    // Some tests load ONNX Runtime themselves; nothing of them is to be reported over the network.
    env: {ORT_DISABLE_TELEMETRY: '1'},
  },
});
