import {fileURLToPath} from 'node:url';
import {defineConfig} from 'vitest/config';
import {BaseSequencer, type TestSpecification} from 'vitest/node';

/** What these promise is time: they run by themselves, after all others. */
const TIMING = ['labLink', 'labGovernor', 'labOwnCores'].map(name => `test/integration/${name}.test.ts`);

/** Folders with the files that take longest, in this order. */
const LONG = ['docs', 'e2e', 'interoperability', 'integration'].map(name => `/test/${name}/`);

/** Long files first: begun at the end, one of minutes would leave a core idle. A fresh clone knows no durations, only sizes. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const groupOf = ({project}: TestSpecification): number => project.config.sequence.groupOrder;
    const rankOf = ({moduleId}: TestSpecification): number => {
      const rank = LONG.findIndex(folder => moduleId.includes(folder));
      return rank === -1 ? LONG.length : rank;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

const shared = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // Whoever waits for something is done as soon as it is there; a busy machine takes its time.
  expect: {poll: {timeout: 20_000}},
  disableConsoleIntercept: true,
  setupFiles: ['test/tools/seedProperties.ts'],
  // Some tests load ONNX Runtime themselves; nothing of them is to be reported over the network.
  // Programs that tests start again and again are compiled once.
  env: {
    ORT_DISABLE_TELEMETRY: '1',
    NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/code', import.meta.url)),
  },
};

export default defineConfig({
  test: {
    sequence: {sequencer: LongFirst},
    projects: [
      {
        test: {
          ...shared,
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: TIMING,
          // On two cores: one always waits for a link, a pause or a deadline.
          maxWorkers: 3,
          sequence: {groupOrder: 0},
        },
      },
      {
        test: {...shared, name: 'timing', include: TIMING, maxWorkers: 1, sequence: {groupOrder: 1}},
      },
    ],
  },
});
