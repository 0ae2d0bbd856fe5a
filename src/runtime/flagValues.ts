import {mkdirSync, realpathSync} from 'node:fs';
import {EXIT, ExpectedError} from '../errors.ts';

export type Values = Record<string, string | boolean | undefined>;

export interface RuntimeCommand {
  readonly options: Record<string, {type: 'string' | 'boolean'}>;
  run(values: Values): Promise<void>;
}

export function textFrom(values: Values, name: string, fallback?: string): string {
  const value = values[name] ?? fallback;
  if (typeof value !== 'string' || value === '') throw usageError(`--${name} is needed.`);
  return value;
}

export function numberFrom(values: Values, name: string, fallback: number, min: number): number {
  const value = values[name];
  const number = value === undefined ? fallback : Number(value);
  if (!Number.isInteger(number) || number < min)
    throw usageError(`--${name} must be a whole number from ${min}, not "${String(value)}".`);
  return number;
}

export function choiceFrom<T extends string>(
  values: Values,
  name: string,
  choices: readonly T[],
  fallback: T,
): T {
  const value = values[name] ?? fallback;
  const choice = choices.find(known => known === value);
  if (choice === undefined)
    throw usageError(`--${name} must be one of ${choices.join(', ')}, not "${String(value)}".`);
  return choice;
}

export function homeFrom(values: Values): string {
  const home = textFrom(values, 'home');
  mkdirSync(home, {recursive: true});
  return realpathSync(home);
}

export function usageError(message: string): ExpectedError {
  return new ExpectedError('wrong-usage', message, EXIT.usage);
}

export function print(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
