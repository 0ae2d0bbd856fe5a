import {existsSync} from 'node:fs';
import {EXIT, ExpectedError} from '../errors.ts';
import type {Plan} from '../documents/plan.ts';
import {tiersOfPlan} from '../documents/planTiers.ts';
import {digestOfFile} from '../workspace/digest.ts';
import type {OpenProject} from './openProject.ts';
import type {PreparedModel} from './prepareModel.ts';

/** What a plan rests on, by name in its `madeFrom`; machines are those whose profiles it used. */
export async function planInputs(
  project: OpenProject,
  prepared: Pick<PreparedModel, 'modelDigest' | 'digest'>,
  machines: readonly string[],
): Promise<Record<string, string>> {
  const inputs: Record<string, string> = {model: prepared.modelDigest, build: prepared.digest};
  for (const machine of machines) {
    const file = project.profileFile(machine);
    if (existsSync(file)) inputs[`profile ${machine}`] = await digestOfFile(file);
  }
  return inputs;
}

/** @throws ExpectedError `plan-stale` (exit 14) naming what has changed since the plan was made */
export async function requireFreshPlan(
  project: OpenProject,
  plan: Plan,
  prepared: PreparedModel,
): Promise<void> {
  const machines = tiersOfPlan(plan).map(({machine}) => machine);
  const now = await planInputs(project, prepared, machines);
  const changed = Object.entries(plan.madeFrom)
    .filter(([name, digest]) => now[name] !== digest)
    .map(([name]) => name);
  if (changed.length === 0) return;
  throw new ExpectedError(
    'plan-stale',
    `The plan for ${plan.device} was made from another ${changed.join(' and another ')} than the project has now.`,
    EXIT.stale,
    {hints: [plan.devices === undefined ? `edgewise plan ${plan.device}` : 'edgewise plan']},
  );
}
