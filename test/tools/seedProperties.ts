import fc from 'fast-check';

/**
 * Random tests draw the same cases on every run, so that a commit is red for what it changes only.
 * EDGEWISE_TEST_SEED=<number> draws others; fast-check prints the seed of a failure.
 */
fc.configureGlobal({seed: Number(process.env['EDGEWISE_TEST_SEED'] ?? 20_261_129)});
