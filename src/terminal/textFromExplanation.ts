import type {AnswerChange, ExplainedGroup, Explanation} from '../documents/explanation.ts';
import {textFromTierPrecisions, tierPrecisionsOf} from '../documents/tierBuilds.ts';
import {chartOfAlternatives} from './chartOfAlternatives.ts';
import {formatInterval, inBrackets} from './formatInterval.ts';
import {formatBitsPerSecond, formatBytes, formatColumn, formatMs} from './formatNumbers.ts';
import {formatTable, shorten, wrapText} from './formatTable.ts';
import {textFromEnvelope} from './textFromEnvelope.ts';
import {textFromOutlook} from './textFromOutlook.ts';
import {REASON_TEXTS} from './textFromPlan.ts';
import {textFromVerification} from './textFromVerification.ts';
import {textFromWhatIf} from './textFromWhatIf.ts';

/** Longer runs of layers are told by their first and last. */
const NAMED_LAYERS = 4;

const QUANTITIES: Readonly<Record<AnswerChange['what'], string>> = {
  'up-bandwidth': 'upward bandwidth',
  'down-bandwidth': 'downward bandwidth',
  'link-bandwidth': "the link's bandwidth",
  'round-trip': 'the round-trip time',
  'device-speed': "the device's speed",
  'cloud-speed': "the cloud's speed",
};

/** What `edgewise explain` shows: why each layer is where it is, the runners-up, and what would change the answer. */
export function textFromExplanation(explanation: Explanation, width?: number): string {
  const {
    device,
    cloud,
    chosen,
    goal,
    limits,
    builds,
    groups,
    crossing,
    runnerUps,
    alternatives,
    changes,
    envelope,
    outlook,
    verified,
    whatIf,
  } = explanation;
  const {tensors, linkMs} = crossing;
  const heading = wrapText(
    `${device}${cloud === null ? '' : ` with cloud ${cloud}`}: ${chosen.name}, predicted ${formatMs(chosen.latencyMs)}${inBrackets(formatInterval(chosen))}${goal.name === 'latency' ? '' : `; the least ${titleOfGoal(goal)}: ${writtenAmount(goal.amount)}`}.`,
    width,
  );
  if (whatIf !== undefined) return [heading, textFromWhatIf(whatIf, width)].join('\n\n');
  const sections = [heading, ['Why each layer is where it is', groupTable(groups, width)].join('\n')];
  if (builds !== undefined)
    sections.push(
      wrapText(`Layers of lower precision: ${textFromTierPrecisions(tierPrecisionsOf(builds))}.`, width),
    );
  if (tensors.length > 0) {
    const sent = tensors.map(
      ({name, direction, bytes}) => `${shorten(name, 40)} ${direction} (${formatBytes(bytes)})`,
    );
    sections.push(wrapText(`Over the link, in ${formatMs(linkMs)}: ${sent.join(', ')}.`, width));
  }
  if (limits.length > 0) sections.push(wrapText(textFromLimits(limits), width));
  if (runnerUps.length > 0) {
    const isOfLatency = goal.name === 'latency';
    const amounts = runnerUps.map(({amount}) => (amount === null ? '-' : writtenAmount(amount)));
    const latency = formatColumn(runnerUps.map(({latencyMs}) => latencyMs));
    const difference = formatColumn(
      runnerUps.map(({differenceMs}) => differenceMs),
      runnerUps.map(({latencyMs}) => latencyMs),
    );
    const table = formatTable(
      [
        {title: 'placement', shrinksTo: 14},
        {title: 'total ms', align: 'right'},
        {title: 'slower by', align: 'right'},
        ...(isOfLatency ? [] : [{title: titleOfGoal(goal), align: 'right'} as const]),
        {title: 'why not', shrinksTo: 16},
      ],
      runnerUps.map(({name, reason}, at) => [
        name,
        latency[at] ?? '',
        difference[at] ?? '',
        ...(isOfLatency ? [] : [amounts[at] ?? '']),
        reason,
      ]),
      width,
    );
    sections.push(['What else was possible', table].join('\n'));
  }
  if (verified !== undefined) sections.push(textFromVerification(verified, width));
  if (alternatives.some(({predicted}) => predicted !== null))
    sections.push(['Where the time goes', chartOfAlternatives(alternatives, width)].join('\n'));
  const bandwidths = envelope?.axes.find(({what}) => what === 'link-bandwidth');
  if (envelope !== null && bandwidths !== undefined)
    sections.push(textFromEnvelope(envelope.placements, bandwidths, width));
  if (outlook !== undefined) sections.push(textFromOutlook(outlook, width));
  else if (verified?.isChanged !== true)
    sections.push(
      changes.length === 0
        ? wrapText('No change of one measured quantity alone leads to another answer.', width)
        : [
            'What would change the answer',
            ...changes.map(change => wrapText(sentenceFromChange(change), width, '  ')),
          ].join('\n'),
    );
  return sections.join('\n\n');
}

function titleOfGoal({name, unit}: Explanation['goal']): string {
  const what = name === 'throughput' ? 'time between requests' : name;
  return unit === '' ? what : `${what} ${unit}`;
}

function textFromLimits(limits: Explanation['limits']): string {
  const parts = limits.map(({name, unit, taken, allowed}) => {
    const text = (amount: number): string =>
      unit === 'bytes' ? formatBytes(amount) : `${writtenAmount(amount)}${unit === '' ? '' : ` ${unit}`}`;
    return taken === null
      ? `${name}, at most ${text(allowed)}`
      : `${name}, ${text(taken)} of at most ${text(allowed)}`;
  });
  return `Keeps within its limits: ${parts.join('; ')}.`;
}

function writtenAmount(amount: number): string {
  return String(Number(amount.toPrecision(4)));
}

function groupTable(groups: readonly ExplainedGroup[], width?: number): string {
  const times = groups.flatMap(({ms, elsewhereMs}) => [ms, elsewhereMs]);
  const here = formatColumn(
    groups.map(({ms}) => ms),
    times,
  );
  const elsewhere = formatColumn(
    groups.map(({elsewhereMs}) => elsewhereMs),
    times,
  );
  return formatTable(
    [
      {title: 'layers', shrinksTo: 16},
      {title: 'runs on'},
      {title: 'ms there', align: 'right'},
      {title: 'ms elsewhere', align: 'right'},
      {title: 'why', shrinksTo: 12},
    ],
    groups.map(({layers, tier, reason}, at) => [
      namesOf(layers),
      tier,
      here[at] ?? '',
      elsewhere[at] ?? '',
      REASON_TEXTS[reason],
    ]),
    width,
  );
}

function namesOf(layers: readonly string[]): string {
  if (layers.length <= NAMED_LAYERS) return layers.join(', ');
  return `${layers[0] ?? ''} … ${layers.at(-1) ?? ''} (${layers.length})`;
}

/** "- the link's bandwidth below 25.6 Mbit/s (now 40 Mbit/s) makes it device-only". */
function sentenceFromChange({what, direction, threshold, unit, current, becomes}: AnswerChange): string {
  const quantity = QUANTITIES[what];
  if (unit === 'times') {
    const [factor, word] =
      direction === 'above' ? [threshold / current, 'faster'] : [current / threshold, 'slower'];
    return `- ${quantity}: more than ${Number(factor.toPrecision(3))} times ${word} makes it ${becomes}`;
  }
  const format = unit === 'ms' ? formatMs : formatBitsPerSecond;
  return `- ${quantity} ${direction} ${format(threshold)} (now ${format(current)}) makes it ${becomes}`;
}
