import {z} from 'zod';
import {errorFromProblems} from './documentProblem.ts';
import type {InferResult} from './inference.ts';
import {problemsFromIssues} from './problemsFromIssues.ts';
import {YamlSource} from './yamlSource.ts';

/** What is read again of what `edgewise infer --json` printed. */
export type MeasuredAnswer = Pick<InferResult, 'device' | 'release' | 'requests' | 'samples'> & {
  readonly measured: Omit<InferResult['measured'], 'tiers' | 'links' | 'aloneRequests'>;
  readonly predicted: {readonly latencyMs: number} | null;
};

const ms = z.number().nonnegative();

// Loose: what else `infer` prints, now or later, is no business of whoever reads the times.
const measuredAnswer = z.looseObject({
  device: z.string(),
  release: z.string(),
  requests: z.int().positive(),
  samples: z.int().positive(),
  measured: z.looseObject({
    totalMs: z.number().positive(),
    p95Ms: ms,
    headMs: ms.nullable(),
    linkMs: ms.nullable(),
    tailMs: ms.nullable(),
    seenFromHereMs: ms,
  }),
  predicted: z.looseObject({latencyMs: ms}).nullable(),
});

/** @throws ExpectedError `invalid-document` with every problem as file:line:column */
export function measuredAnswerFromJson(text: string, fileName: string): MeasuredAnswer {
  const source = new YamlSource(text, fileName);
  const result = measuredAnswer.safeParse(source.value, {reportInput: true});
  if (result.success) return result.data;
  throw errorFromProblems(fileName, problemsFromIssues(result.error.issues, source, {}), [
    'Save what this prints: edgewise infer DEVICE --evaluation --json',
  ]);
}
