import type {Plan} from '../../documents/plan.ts';
import {nameOfObjective, proofFrom} from '../../documents/planProof.ts';
import {textFromTierPrecisions, tierPrecisionsOf} from '../../documents/tierBuilds.ts';
import {formatBytes, formatMs} from '../formatNumbers.ts';
import {joinMarkup, markup, type Markup} from './markup.ts';

/** What was decided for whom, what it is predicted to take, its proof, and what it was made from. */
export function headSection(plan: Plan): Markup {
  const {layers, predicted, constraints} = plan;
  const countOn = (wanted: string): number => layers.filter(({tier}) => tier === wanted).length;
  const onGateway =
    plan.tiers?.some(({tier}) => tier === 'gateway') === true ? `, ${countOn('gateway')} on the gateway` : '';
  const builds = textFromTierPrecisions(tierPrecisionsOf(plan.precision));
  const facts: [string, Markup][] = [
    [
      'Decided',
      markup`${countOn('device')} of ${layers.length} layers on the device${onGateway}, ${countOn('cloud')} in the cloud`,
    ],
    [
      'Predicted',
      markup`<strong>${formatMs(predicted.latencyMs)}</strong> for a request, sending ${formatBytes(predicted.upBytes)} up and ${formatBytes(predicted.downBytes)} down`,
    ],
    ...(builds === '' ? [] : [['Builds', markup`${builds}`] as [string, Markup]]),
    ['Objective', markup`${nameOfObjective(plan.objective)}`],
    ['Constraints', constraintList(constraints)],
    ['Proof', proofOf(plan)],
    ['May be pushed', markup`${plan.isApplyable ? 'yes' : 'no: it breaks a constraint'}`],
    [
      'Complete',
      markup`${plan.isComplete ? 'yes, every layer has a measured time' : 'no, some layers have no measured time'}`,
    ],
    ...plan.refusals.map(({reason, count}): [string, Markup] => [
      'Not as wished',
      markup`${reason} (${count})`,
    ]),
    ['Made', markup`<time datetime="${plan.madeAt}">${plan.madeAt}</time> by ${plan.madeBy}`],
  ];
  const origins = Object.entries(plan.madeFrom).map(
    ([name, digest]) => markup`<li>${name}: <code>${digest}</code></li>`,
  );
  return markup`<header>
<h1>${titleOfPlan(plan)}</h1>
<dl>${facts.map(([term, fact]) => markup`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl>
<details><summary>Made from</summary><ul>${origins}</ul></details>
</header>`;
}

export function titleOfPlan({device, cloud, alternatives}: Plan): string {
  const chosen = alternatives.find(({verdict}) => verdict === 'chosen');
  return `${device}${cloud === null ? ' without a cloud' : ` with cloud ${cloud}`}: ${chosen?.name ?? 'a plan'}`;
}

function proofOf({certificate}: Plan): Markup {
  const {unit, flow, cut, bound, isOptimal} = proofFrom(certificate);
  const [flowText, cutText, boundText] = [flow, cut, bound].map(units => units.toLocaleString('en-US'));
  return isOptimal
    ? markup`maximum flow ${flowText ?? ''} ${unit} = cut ${cutText ?? ''} ${unit}: no allowed placement is predicted to be better`
    : markup`not proven the best: it costs ${cutText ?? ''} ${unit}, no placement costs less than ${boundText ?? ''} ${unit}`;
}

function constraintList({
  keepRawInputOnDevice,
  pins,
  direction,
  maxLatencyMs,
  maxEnergyMillijoules,
  maxMoney,
  memory = [],
  minDeviceLayers,
}: Plan['constraints']): Markup {
  const texts = [
    ...(keepRawInputOnDevice ? ['the raw input stays on the device'] : []),
    ...pins.map(({layers, tier}) => `${layers} pinned to the ${tier}`),
    ...(direction === 'two-way' ? ['what layers read may come back down'] : []),
    ...(maxLatencyMs === undefined ? [] : [`at most ${formatMs(maxLatencyMs)}`]),
    ...(maxEnergyMillijoules === undefined ? [] : [`at most ${maxEnergyMillijoules} mJ`]),
    ...(maxMoney === undefined ? [] : [`at most ${maxMoney.amount} ${maxMoney.currency}`]),
    ...memory.map(({tier, bytes}) => `at most ${formatBytes(bytes)} on the ${tier}`),
    ...(minDeviceLayers === undefined ? [] : [`at least ${minDeviceLayers} layers on the device`]),
  ];
  return texts.length === 0
    ? markup`none`
    : joinMarkup(
        texts.map(text => markup`${text}`),
        ', ',
      );
}
