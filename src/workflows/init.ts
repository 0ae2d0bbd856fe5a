import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {dirname, join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {stringify} from 'yaml';
import {EXIT, ExpectedError} from '../errors.ts';
import {readOwnVersion} from '../workspace/ownVersion.ts';
import {PROJECT_FILE, writeDocument} from '../workspace/projectFolder.ts';

export interface InitRequest {
  readonly folder: string;
  /** Relative to the folder; the only ONNX file there when left out. */
  readonly model?: string;
  readonly ci: 'github' | 'gitlab' | null;
  /** How many CI jobs share the fleet. */
  readonly shards: number;
}

export interface InitResult {
  readonly written: string[];
  /** Files that were there already and stay as they are. */
  readonly kept: string[];
  /** What is left to do by hand. */
  readonly next: string[];
}

/**
 * Writes a commented edgewise.yaml, and with `ci` the workflow that plans on a pull request and rolls out on a merge.
 * @throws ExpectedError `project-exists`, `workflow-exists`, `model-ambiguous`; nothing is written then
 */
export async function init(request: InitRequest): Promise<InitResult> {
  const folder = resolve(request.folder);
  const projectFile = join(folder, PROJECT_FILE);
  const hasProject = existsSync(projectFile);
  if (hasProject && request.ci === null) {
    throw new ExpectedError('project-exists', `${projectFile} is there already.`, EXIT.usage, {
      hints: ['edgewise doctor', 'edgewise init --ci github'],
    });
  }
  const files = new Map<string, string>();
  const next: string[] = [];
  if (!hasProject) {
    const model = modelIn(folder, request.model);
    if (!existsSync(join(folder, model))) next.push(`Put the model where ${PROJECT_FILE} says: ${model}`);
    files.set(projectFile, fillTemplate('project/edgewise.yaml', {model: stringify(model).trim()}));
    next.push('Name your devices in edgewise.yaml', 'edgewise doctor', 'edgewise profile');
  }
  if (request.ci !== null) addWorkflow(files, next, folder, request.ci, request.shards);
  for (const [file, text] of files) await writeDocument(file, text);
  return {
    written: [...files.keys()],
    kept: hasProject ? [projectFile] : [],
    next,
  };
}

function modelIn(folder: string, named: string | undefined): string {
  if (named !== undefined) return relative(folder, resolve(named));
  const found = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.onnx')) : [];
  const [only = 'model.onnx', ...others] = found.toSorted();
  if (others.length === 0) return only;
  throw new ExpectedError(
    'model-ambiguous',
    `${folder} has several models: ${[only, ...others].join(', ')}.`,
    EXIT.usage,
    {hints: [`edgewise init --model ${only}`]},
  );
}

function addWorkflow(
  files: Map<string, string>,
  next: string[],
  folder: string,
  ci: 'github' | 'gitlab',
  shards: number,
): void {
  const root = repositoryOf(folder) ?? folder;
  const file = join(root, ci === 'github' ? '.github/workflows/edgewise.yml' : '.gitlab/edgewise.yml');
  if (existsSync(file)) {
    throw new ExpectedError('workflow-exists', `${file} is there already.`, EXIT.usage, {
      hints: [`git diff --no-index ${file} NEW`],
    });
  }
  const project = relative(root, folder) || '.';
  const values = {project: project.replaceAll("'", "''"), version: readOwnVersion()};
  if (ci === 'github') {
    const parts = Array.from({length: shards}, (_, index) => `${index + 1}/${shards}`);
    files.set(file, fillTemplate('ci/github.yml', {...values, shards: parts.join(', ')}));
  } else {
    files.set(file, fillTemplate('ci/gitlab.yml', {...values, shards: String(shards)}));
    const main = join(root, '.gitlab-ci.yml');
    if (existsSync(main)) next.push(`Add to .gitlab-ci.yml: include: [{local: .gitlab/edgewise.yml}]`);
    else files.set(main, 'include:\n  - local: .gitlab/edgewise.yml\n');
  }
  next.push(`Set the variables that the head of ${relative(root, file)} names`);
}

function repositoryOf(folder: string): string | null {
  if (existsSync(join(folder, '.git'))) return folder;
  const parent = dirname(folder);
  return parent === folder ? null : repositoryOf(parent);
}

/** A file of templates/ with every `__name__` replaced. */
function fillTemplate(name: string, values: Readonly<Record<string, string>>): string {
  const text = readFileSync(fileURLToPath(new URL(`../../templates/${name}`, import.meta.url)), 'utf8');
  return text.replace(/__([a-z]+)__/g, (whole, key: string) => values[key] ?? whole);
}
