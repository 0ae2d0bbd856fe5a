import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {partSchema, type Part} from '../../documents/part.ts';
import {EXIT, ExpectedError, messageOf} from '../../errors.ts';
import {checkFiles} from '../agent/loadRelease.ts';
import {openSteps, type OpenSteps} from '../agent/openSteps.ts';

export interface LoadedPart extends OpenSteps {
  readonly part: Part;
}

/** @throws ExpectedError `invalid-part`, `release-damaged` and everything that openSession throws */
export async function loadPart(
  folder: string,
  name: string,
  options: {readonly deadlineMs: number; readonly report: (line: string) => void},
): Promise<LoadedPart> {
  const part = await readPart(join(folder, 'part.json'));
  if (part.name !== name) throw invalidPart(folder, `it is called ${part.name} inside`);
  await checkFiles(part.files, folder);
  const {inputs, outputs, steps, threads} = part;
  const spec = {name, tier: 'gateway', inputs, outputs, steps} as const;
  return {part, ...(await openSteps(spec, {folder, threads, ...options}))};
}

async function readPart(file: string): Promise<Part> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw invalidPart(file, messageOf(error));
  }
  const parsed = partSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({path, message}) => `${path.join('.')}: ${message}`);
  throw invalidPart(file, problems.join('; '));
}

function invalidPart(place: string, why: string): ExpectedError {
  return new ExpectedError('invalid-part', `${place} is not a valid part: ${why}.`, EXIT.invalidDocument);
}
