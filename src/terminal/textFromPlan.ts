import type {Crossing, LayerReason, Plan, PlanTotals, Tier} from '../documents/plan.ts';
import {formatInterval, inBrackets} from './formatInterval.ts';
import {formatBytes, formatColumn, formatMs, formatShare} from './formatNumbers.ts';
import {formatTable, wrapText, type Column} from './formatTable.ts';
import {shownFrontOf} from './shownFront.ts';
import {textFromPareto} from './textFromPareto.ts';
import {textFromPrecision} from './textFromPrecision.ts';
import {textFromVerification} from './textFromVerification.ts';

/** What a reason code means, in words that end a sentence. */
export const REASON_TEXTS: Readonly<Record<LayerReason, string>> = {
  'faster-here': 'faster here',
  'saves-transfer': 'saves a transfer',
  'pinned-by-user': 'pinned by you',
  'keeps-raw-input-on-device': 'keeps the raw input on the device',
  'no-cloud': 'there is no cloud',
  'keeps-within-limits': 'keeps within the limits',
  'costs-less-here': 'costs less here',
  'keeps-rate': 'keeps the rate up',
  measured: 'measured to be better here',
};

/** What `edgewise plan` shows: the decision, its layers, what crosses, the prediction and the alternatives. */
export function textFromPlan(plan: Plan, width?: number): string {
  const {layers, cut, predicted} = plan;
  const countOn = (tier: Tier): number => layers.filter(layer => layer.tier === tier).length;
  const gateway = plan.tiers?.find(({tier}) => tier === 'gateway');
  const where = plan.cloud === null ? 'no cloud' : `cloud ${plan.cloud}`;
  const parts = [
    wrapText(
      `Device ${plan.device}, ${gateway === undefined ? '' : `gateway ${gateway.machine}, `}${where}: ` +
        `${countOn('device')} of ${layers.length} layers on the device, ` +
        `${gateway === undefined ? '' : `${countOn('gateway')} on the gateway, `}${countOn('cloud')} in the cloud.`,
      width,
    ),
    layerTable(plan, width),
    ...(cut.length === 0 ? [] : [['Crosses the link', crossingTable(cut, width)].join('\n')]),
    ...(plan.precision === undefined ? [] : [textFromPrecision(plan.precision, width)]),
    wrapText(textFromTotals(predicted), width),
    alternativesTable(plan, width),
    ...(plan.verified === undefined ? [] : [textFromVerification(plan.verified, width)]),
    ...(plan.pareto === undefined ? [] : [textFromPareto(shownFrontOf(plan.pareto), width)]),
    ...plan.refusals.map(({reason, count}) => wrapText(`Not as wished: ${reason} (${count})`, width)),
  ];
  if (plan.estimated !== undefined) parts.push(wrapText(textFromEstimate(plan.estimated), width));
  if (!plan.isComplete)
    parts.push(wrapText('The plan is not complete: some layers have no measured time.', width));
  if (!plan.isApplyable) parts.push('The plan cannot be pushed.');
  return parts.join('\n\n');
}

/** What a prediction that was not measured is worth. */
function textFromEstimate({share, latencyMs, machines}: NonNullable<Plan['estimated']>): string {
  const sources = machines.map(({machine, models}) => `${machine} from ${models.length} other models`);
  return (
    `Estimated, not measured: ${sources.join(', ')}. With ${formatShare(share)} probability a request takes ` +
    `${formatMs(latencyMs.low)} to ${formatMs(latencyMs.high)}.`
  );
}

function textFromTotals(totals: PlanTotals): string {
  const {latencyMs, deviceMs, linkMs, cloudMs, overheadMs} = totals;
  return (
    `Predicted ${formatMs(latencyMs)} for a request${inBrackets(formatInterval(totals))}: device ${formatMs(deviceMs)}, link ${formatMs(linkMs)}, ` +
    `cloud ${formatMs(cloudMs)}, serving ${formatMs(overheadMs)}. Sends ${formatBytes(totals.upBytes)} up and ` +
    `${formatBytes(totals.downBytes)} down. Weights: ${formatBytes(totals.deviceWeightBytes)} on the device, ` +
    `${formatBytes(totals.cloudWeightBytes)} in the cloud.${textFromGoals(totals)}`
  );
}

/** What a request takes of what was declared, and how soon another can follow; where a plan says so. */
function textFromGoals({energyMillijoules, money, bottleneckMs}: PlanTotals): string {
  const amount = (value: number): string => String(Number(value.toPrecision(3)));
  return [
    ...(energyMillijoules === undefined ? [] : [` Energy of the device: ${amount(energyMillijoules)} mJ.`]),
    ...(money === undefined ? [] : [` Paid for the cloud: ${amount(money.amount)} ${money.currency}.`]),
    ...(bottleneckMs === undefined
      ? []
      : [` One request can follow another every ${formatMs(bottleneckMs)}.`]),
  ].join('');
}

function layerTable({layers, cloud}: Plan, width?: number): string {
  const hasGateway = layers.some(({gatewayMs}) => gatewayMs !== undefined);
  const times = layers.flatMap(layer => [layer.deviceMs, layer.gatewayMs ?? null, layer.cloudMs]);
  const deviceMs = formatColumn(
    layers.map(layer => layer.deviceMs),
    times,
  );
  const gatewayMs = formatColumn(
    layers.map(layer => layer.gatewayMs ?? null),
    times,
  );
  const cloudMs = formatColumn(
    layers.map(layer => layer.cloudMs),
    times,
  );
  const columns: Column[] = [
    {title: 'layer', shrinksTo: 12},
    {title: 'operator', shrinksTo: 8},
    {title: 'runs on'},
    {title: 'device ms', align: 'right'},
    ...(hasGateway ? [{title: 'gateway ms', align: 'right'} as const] : []),
    ...(cloud === null ? [] : [{title: 'cloud ms', align: 'right'} as const]),
    {title: 'why', shrinksTo: 8},
  ];
  const rows = layers.map((layer, at) => [
    layer.name,
    layer.operator,
    layer.tier,
    deviceMs[at] ?? '',
    ...(hasGateway ? [gatewayMs[at] ?? ''] : []),
    ...(cloud === null ? [] : [cloudMs[at] ?? '']),
    REASON_TEXTS[layer.reason],
  ]);
  return formatTable(columns, rows, width);
}

function crossingTable(cut: readonly Crossing[], width?: number): string {
  return formatTable(
    [
      {title: 'tensor', shrinksTo: 12},
      {title: 'direction'},
      {title: 'form', shrinksTo: 12},
      {title: 'size', align: 'right'},
    ],
    cut.map(({tensor, direction, elementType, shape, bytes, precision}) => [
      tensor,
      direction,
      `${elementType} [${shape.join(', ')}]${precision === undefined ? '' : ` as ${precision}`}`,
      formatBytes(bytes),
    ]),
    width,
  );
}

function alternativesTable({alternatives}: Plan, width?: number): string {
  const column = (pick: (totals: PlanTotals) => number) =>
    formatColumn(
      alternatives.map(({predicted}) => (predicted === null ? null : pick(predicted))),
      alternatives.map(({predicted}) => predicted?.latencyMs ?? null),
    );
  const latency = column(totals => totals.latencyMs);
  const device = column(totals => totals.deviceMs);
  const link = column(totals => totals.linkMs);
  const cloud = column(totals => totals.cloudMs);
  return formatTable(
    [
      {title: 'placement', shrinksTo: 14},
      {title: 'total ms', align: 'right'},
      {title: 'device', align: 'right'},
      {title: 'link', align: 'right'},
      {title: 'cloud', align: 'right'},
      {title: 'sends up', align: 'right'},
      {title: 'verdict', shrinksTo: 16},
    ],
    alternatives.map(({name, predicted, verdict, reason}, at) => [
      name,
      latency[at] ?? '',
      device[at] ?? '',
      link[at] ?? '',
      cloud[at] ?? '',
      predicted === null ? '-' : formatBytes(predicted.upBytes),
      verdict === 'chosen' ? 'chosen' : verdict === 'slower' ? reason : `not allowed: ${reason}`,
    ]),
    width,
  );
}
