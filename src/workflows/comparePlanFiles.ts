import {existsSync, readdirSync} from 'node:fs';
import {basename, dirname, join, resolve} from 'node:path';
import type {Plan} from '../documents/plan.ts';
import {yamlFromDocument} from '../documents/printDocument.ts';
import {planFromYaml} from '../documents/readDocument.ts';
import {comparePlans, type PlanChange} from '../placement/comparePlans.ts';
import {markdownFromPlans} from '../placement/markdownFromPlans.ts';
import {writeDocument} from '../workspace/projectFolder.ts';
import type {OpenProject} from './openProject.ts';
import {readPlan} from './readPlan.ts';

interface Planned {
  readonly file: string;
  readonly plan: Plan;
}

export interface ComparedPlans {
  readonly changes: PlanChange[];
  readonly isUpToDate: boolean;
}

/**
 * New plans beside the files that they would replace, and beside those of another folder where one is named. Of a plan
 * for the whole fleet, the files of classes and devices that are no more count as gone.
 * @throws ExpectedError `invalid-document`
 */
export async function compareWithFiles(
  project: Pick<OpenProject, 'planFile'>,
  planned: readonly Planned[],
  {
    devices,
    against,
    markdownFile,
  }: {readonly devices: readonly string[]; readonly against?: string; readonly markdownFile?: string},
): Promise<ComparedPlans> {
  const isWholeFleet = devices.length === 0;
  // As they will be read: with rounded numbers, keys in the document's order.
  const after = new Map(
    planned.map(({file, plan}) => [nameOf(file), planFromYaml(yamlFromDocument('plan', plan), file)]),
  );
  const own = new Map<string, Plan>();
  for (const {file} of planned) if (existsSync(file)) own.set(nameOf(file), (await readPlan(file)).plan);
  const folder = against === undefined ? dirname(project.planFile('any')) : resolve(against);
  const before = await readPlansOf(folder, (name, plan) =>
    after.has(name) ? true : isWholeFleet && name === (plan.class ?? plan.device),
  );
  const changes = comparePlans(before, after);
  if (markdownFile !== undefined) await writeDocument(resolve(markdownFile), markdownFromPlans(changes));
  return {changes, isUpToDate: comparePlans(own, after).every(({kind}) => kind === 'unchanged')};
}

async function readPlansOf(
  folder: string,
  isWanted: (name: string, plan: Plan) => boolean,
): Promise<Map<string, Plan>> {
  const found = new Map<string, Plan>();
  if (!existsSync(folder)) return found;
  for (const file of readdirSync(folder).filter(name => name.endsWith('.yaml'))) {
    const {plan} = await readPlan(join(folder, file));
    if (isWanted(nameOf(file), plan)) found.set(nameOf(file), plan);
  }
  return found;
}

function nameOf(file: string): string {
  return basename(file, '.yaml');
}
