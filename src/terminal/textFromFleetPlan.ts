import {dirname} from 'node:path';
import type {CloudLoad, FleetPlan} from '../documents/fleetPlan.ts';
import type {Plan} from '../documents/plan.ts';
import {formatNames} from './formatNames.ts';
import {formatBitsPerSecond, formatColumn, formatShare} from './formatNumbers.ts';
import {formatTable, wrapText} from './formatTable.ts';
import {textFromPlan} from './textFromPlan.ts';

/** What `edgewise plan` shows: one plan in full, several as a table. */
export function textFromPlans(
  fleet: FleetPlan,
  plans: readonly {readonly file: string; readonly plan: Plan}[],
  width?: number,
): string {
  const [only, ...others] = plans;
  const [first] = fleet.classes;
  if (only === undefined || first === undefined) return 'Nothing to plan.';
  if (others.length > 0)
    return textFromFleetPlan(
      fleet,
      plans.map(({plan}) => plan),
      width,
    );
  const parts = [
    textFromPlan(only.plan, width),
    ...(only.plan.devices === undefined ? [] : [textFromMembers(first, width)]),
    ...(fleet.cloudLoad === null ? [] : [textFromLoad(fleet.cloudLoad, width)]),
  ];
  return `${parts.join('\n\n')}\nWritten to ${only.file}`;
}

/** What `edgewise plan` shows of several classes: a row for each, who belongs where, and what all ask of the cloud. */
function textFromFleetPlan({classes, cloudLoad}: FleetPlan, plans: readonly Plan[], width?: number): string {
  const devices = classes.reduce((sum, each) => sum + each.devices.length, 0);
  const parts = [
    `${devices} devices in ${classes.length} classes: ${classes.length} plans.`,
    classTable({classes, cloudLoad}, plans, width),
    ...(classes.some(each => each.devices.length > 1)
      ? [['Who belongs where', ...classes.map(each => textFromMembers(each, width))].join('\n')]
      : []),
    ...(cloudLoad === null ? [] : [textFromLoad(cloudLoad, width)]),
    `Written to ${dirname(classes[0]?.planFile ?? '')}, a file for each class. Why: edgewise explain FILE`,
  ];
  return parts.join('\n\n');
}

/** One class's devices in a line or more, those without a profile of their own named apart. */
function textFromMembers(
  {
    name,
    devices,
    estimatedDevices,
  }: Pick<FleetPlan['classes'][number], 'name' | 'devices' | 'estimatedDevices'>,
  width?: number,
): string {
  const estimated =
    estimatedDevices.length === 0
      ? ''
      : estimatedDevices.length === devices.length
        ? ' (none profiled: estimated)'
        : ` (estimated: ${formatNames(estimatedDevices)})`;
  return wrapText(`${name}: ${formatNames(devices)}${estimated}`, width, '  ');
}

function classTable({classes, cloudLoad}: FleetPlan, plans: readonly Plan[], width?: number): string {
  const latency = formatColumn(plans.map(({predicted}) => predicted.latencyMs));
  const wholeRun = formatColumn(
    plans.map(({layers}) => layers.reduce((sum, {deviceMs}) => sum + deviceMs, 0)),
  );
  const loads = new Map(cloudLoad?.classes.map(each => [each.name, each]));
  const busy = formatColumn(classes.map(({name}) => loads.get(name)?.busyInstances ?? null));
  return formatTable(
    [
      {title: 'class', shrinksTo: 20},
      {title: 'devices', align: 'right'},
      {title: 'whole run ms', align: 'right'},
      {title: 'up', align: 'right'},
      {title: 'placement', shrinksTo: 14},
      {title: 'total ms', align: 'right'},
      ...(cloudLoad === null
        ? []
        : ([
            {title: 'requests/s', align: 'right'},
            {title: 'instances', align: 'right'},
          ] as const)),
    ],
    classes.map(({name, devices}, at) => [
      name,
      String(devices.length),
      wholeRun[at] ?? '-',
      bandwidthOf(plans[at]),
      plans[at]?.alternatives.find(({verdict}) => verdict === 'chosen')?.name ?? '-',
      latency[at] ?? '-',
      ...(cloudLoad === null
        ? []
        : [String(Number((loads.get(name)?.requestsPerSecond ?? NaN).toPrecision(3))), busy[at] ?? '-']),
    ]),
    width,
  );
}

function bandwidthOf(plan: Plan | undefined): string {
  const axis = plan?.envelope?.axes.find(({what}) => what === 'link-bandwidth');
  return axis === undefined ? '-' : formatBitsPerSecond(axis.current);
}

function textFromLoad(load: CloudLoad, width?: number): string {
  const {cloud, requestsPerSecond, busyInstances, neededInstances, instances, maxUtilization, price} = load;
  const amount = (value: number): string => `${Number(value.toPrecision(3))}`;
  const sentences = [
    `${amount(requestsPerSecond)} requests/s keep ${amount(busyInstances)} instances of ${cloud} busy: ` +
      `${neededInstances} ${neededInstances === 1 ? 'is' : 'are'} needed at ${formatShare(maxUtilization)}, ` +
      `${instances === null ? 'how many there are is not declared' : `${instances} ${instances === 1 ? 'is' : 'are'} there`}.`,
    ...(price === null
      ? []
      : [
          `That costs ${amount(price.perHour)} ${price.currency} an hour, ${amount(price.perMillionRequests)} ${price.currency} for a million requests.`,
        ]),
    ...(load.uncountedClasses.length === 0
      ? []
      : [`Not counted, for want of a requestRate: ${formatNames(load.uncountedClasses)}.`]),
  ];
  return wrapText(sentences.join(' '), width);
}
