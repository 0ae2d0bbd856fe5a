import {askCommands} from './askCommands.ts';
import type {Machine} from './machine.ts';
import {probes, type Finding, type ProbeName} from './probes/index.ts';

export type Findings<Name extends ProbeName> = {readonly [Each in Name]: Finding<Each> | undefined};

/**
 * Asks several probes in one round trip. A probe whose program is missing or whose answer does not tell finds
 * `undefined`.
 * @throws ExpectedError `device-unreachable`, `command-timed-out`, `probe-failed`
 */
export async function askProbes<Name extends ProbeName>(
  machine: Machine,
  names: readonly Name[],
): Promise<Findings<Name>> {
  return findingsFrom(
    names,
    await askCommands(
      machine,
      names.map(name => probes[name].argv),
    ),
  );
}

/** `answers` in the order of the names, as `askCommands` gives them. */
export function findingsFrom<Name extends ProbeName>(
  names: readonly Name[],
  answers: readonly string[],
): Findings<Name> {
  return Object.fromEntries(
    names.map((name, index) => [name, probes[name].parse(answers[index] ?? '')]),
  ) as Findings<Name>;
}
