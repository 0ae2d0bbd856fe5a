import {existsSync, readdirSync} from 'node:fs';
import {dirname, join} from 'node:path';
import type {Plan} from '../../documents/plan.ts';
import type {ProjectDevice} from '../../documents/project.ts';
import {profileFromYaml} from '../../documents/readDocument.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {digestOfBytes} from '../../workspace/digest.ts';
import {readDocumentText} from '../../workspace/projectFolder.ts';
import {selectDevices, type OpenFleet} from '../openProject.ts';
import {readPlan} from '../readPlan.ts';

/** A device and the plan that it is to get. */
export interface RolloutTarget {
  readonly device: ProjectDevice;
  readonly plan: Plan;
  /** As the file has it: of a class, its representative's. */
  readonly written: Plan;
  readonly planText: string;
  readonly planDigest: string;
  readonly hardwareClass: string;
}

/**
 * The plan of every device: its own, or that of its class.
 * @throws ExpectedError `plan-missing`, `plan-not-applyable`
 */
export async function findTargets(
  project: OpenFleet,
  names: readonly string[],
  policy: {readonly classLabel?: string | undefined},
): Promise<RolloutTarget[]> {
  const plans = await readPlans(dirname(project.planFile('any')));
  return Promise.all(
    selectDevices(project.project, names).map(async device => {
      const found =
        plans.find(({plan}) => plan.device === device.name) ??
        plans.find(({plan}) => plan.devices?.includes(device.name) === true);
      if (found === undefined) {
        throw new ExpectedError('plan-missing', `There is no plan for ${device.name}.`, EXIT.usage, {
          hints: [`edgewise plan ${device.name}`],
        });
      }
      const {plan, text, file} = found;
      if (!plan.isApplyable) {
        throw new ExpectedError(
          'plan-not-applyable',
          `${file} is not applyable; see its refusals.`,
          EXIT.unsupported,
          {hints: [`edgewise explain ${file}`]},
        );
      }
      const hardwareClass = await classOf(project, device, plan, policy.classLabel);
      return {
        device,
        plan: planForDevice(plan, device.name),
        written: plan,
        planText: text,
        planDigest: digestOfBytes(text),
        hardwareClass,
      };
    }),
  );
}

/** A class's plan as the plan of one of its devices: the representative's place is this one's. */
function planForDevice(plan: Plan, device: string): Plan {
  if (plan.device === device) return plan;
  const {tiers, ...rest} = plan;
  const placed = tiers?.map(each => (each.machine === plan.device ? {...each, machine: device} : each));
  return {...rest, device, ...(placed === undefined ? {} : {tiers: placed})};
}

async function readPlans(folder: string): Promise<{plan: Plan; text: string; file: string}[]> {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter(name => name.endsWith('.yaml'));
  return Promise.all(
    files.toSorted().map(async name => {
      const file = join(folder, name);
      return {...(await readPlan(file)), file};
    }),
  );
}

/** What tells kinds of hardware apart: the policy's label, the target, the plan's class, or the processor. */
async function classOf(
  project: OpenFleet,
  device: ProjectDevice,
  plan: Plan,
  label: string | undefined,
): Promise<string> {
  const said = (label === undefined ? undefined : device.labels?.[label]) ?? device.target ?? plan.class;
  if (said !== undefined) return said;
  const file = project.profileFile(device.name);
  const text = await readDocumentText(file);
  if (text === null) return 'unknown';
  const {hardware} = profileFromYaml(text, file);
  return `${hardware?.architecture ?? 'unknown'} ${hardware?.board?.model ?? hardware?.cpuModel ?? ''}`;
}

/** Names what is rolled out to whom: the same on every machine that has the repository. */
export function digestOfTargets(targets: readonly RolloutTarget[]): string {
  const named = targets.map(({device, planDigest}) => `${device.name} ${planDigest}`).toSorted();
  return digestOfBytes(named.join('\n')).slice('sha256:'.length, 'sha256:'.length + 12);
}
