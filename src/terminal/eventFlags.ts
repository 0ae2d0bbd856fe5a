import {option} from '@oclif/core/flags';

/** For commands that take long enough to be followed by a program. */
export const eventFlags = {
  output: option({
    options: ['text', 'ndjson'] as const,
    description: 'ndjson: events as they happen, one JSON document per line on stdout, the result last',
    default: 'text' as const,
  })(),
};
