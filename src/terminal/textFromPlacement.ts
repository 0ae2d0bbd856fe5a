import type {PlacementAnswer, PlacementReason} from '../documents/placementAnswer.ts';
import {formatBytes, formatColumn, formatMs, formatShare} from './formatNumbers.ts';
import {formatTable, wrapText} from './formatTable.ts';
import {shownFrontOfTable} from './shownFront.ts';
import {textFromPareto} from './textFromPareto.ts';

/** What a reason code means, in words that end a sentence. */
const REASON_TEXTS: Readonly<Record<PlacementReason, string>> = {
  'only-tier': 'there is no other tier',
  'runs-only-here': 'can run nowhere else',
  'pinned-by-user': 'pinned by you',
  'memory-elsewhere-full': 'no memory for it elsewhere',
  'faster-here': 'faster here',
  'as-fast-here': 'nowhere faster',
  'no-way-elsewhere': 'no link leads to where it is faster',
  'flows-up-only': 'what it reads is here, and nothing comes back down',
  'saves-transfer': 'saves a transfer',
  'keeps-rate': 'keeps other tiers and links free',
};

const NS_PER_MS = 1e6;
/** Longer runs of layers are told by their first and last. */
const NAMED_LAYERS = 4;

type Decision = PlacementAnswer['decisions'][number];

/** What `edgewise plan --from-costs` shows: runs of layers and their tiers, what crosses, the totals, the proof. */
export function textFromPlacement(answer: PlacementAnswer, width?: number): string {
  const {tiers, decisions, crossings, direction, objective} = answer;
  const counts = tiers.map(tier => `${decisions.filter(layer => layer.tier === tier).length} on ${tier}`);
  return [
    wrapText(
      `${decisions.length === 1 ? '1 layer' : `${decisions.length} layers`}: ${counts.join(', ')}. ` +
        `${direction === 'one-way' ? 'One-way' : 'Two-way'}, ${objective === 'latency' ? 'least latency' : 'most throughput'}.`,
      width,
    ),
    runsTable(decisions, width),
    ...(crossings.length === 0 ? [] : [['Crosses', crossingTable(crossings, width)].join('\n')]),
    wrapText(sentenceFromTotals(answer), width),
    comparisonTable(answer, width),
    wrapText(sentenceFromCertificate(answer), width),
    ...(answer.pareto === undefined ? [] : [textFromPareto(shownFrontOfTable(answer.pareto), width)]),
  ].join('\n\n');
}

/** Neighbours in the table's order that are on one tier. */
function runsTable(decisions: readonly Decision[], width?: number): string {
  const runs: Decision[][] = [];
  for (const decision of decisions) {
    const run = runs.at(-1);
    if (run?.[0]?.tier === decision.tier) run.push(decision);
    else runs.push([decision]);
  }
  const ms = formatColumn(runs.map(run => run.reduce((sum, layer) => sum + layer.ms, 0)));
  return formatTable(
    [
      {title: 'layers', shrinksTo: 16},
      {title: 'runs on', shrinksTo: 8},
      {title: 'ms there', align: 'right'},
      {title: 'why', shrinksTo: 16, isWrapped: true},
    ],
    runs.map((run, at) => [namesOf(run), run[0]?.tier ?? '', ms[at] ?? '', reasonsOf(run)]),
    width,
  );
}

function namesOf(run: readonly Decision[]): string {
  if (run.length <= NAMED_LAYERS) return run.map(({layer}) => layer).join(', ');
  return `${run[0]?.layer ?? ''} … ${run.at(-1)?.layer ?? ''} (${run.length})`;
}

/** "faster here", or with how many layers each where there are several reasons. */
function reasonsOf(run: readonly Decision[]): string {
  const counts = new Map<PlacementReason, number>();
  for (const {reason} of run) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  if (counts.size === 1) return [...counts.keys()].map(reason => REASON_TEXTS[reason]).join('');
  return [...counts]
    .sort(([, left], [, right]) => right - left)
    .map(([reason, count]) => `${REASON_TEXTS[reason]} (${count})`)
    .join('; ');
}

function crossingTable(crossings: PlacementAnswer['crossings'], width?: number): string {
  const ms = formatColumn(crossings.map(crossing => crossing.ms));
  return formatTable(
    [
      {title: 'tensor', shrinksTo: 12},
      {title: 'from', shrinksTo: 8},
      {title: 'to', shrinksTo: 8},
      {title: 'size', align: 'right'},
      {title: 'ms', align: 'right'},
    ],
    crossings.map(({tensor, from, to, bytes}, at) => [tensor, from, to, formatBytes(bytes), ms[at] ?? '']),
    width,
  );
}

function sentenceFromTotals({totals}: PlacementAnswer): string {
  const {latencyMs, bottleneckMs, bytes, tiers, links} = totals;
  const used = links.filter(({roundTripMs, upMs, downMs}) => roundTripMs + upMs + downMs > 0);
  const parts = [
    ...tiers.filter(({ms}) => ms > 0).map(({tier, ms}) => `${tier} ${formatMs(ms)}`),
    ...used.map(
      ({from, to, upMs, downMs, roundTripMs}) =>
        `${from} to ${to} ${formatMs(upMs + downMs + roundTripMs)} (round trip ${formatMs(roundTripMs)})`,
    ),
  ];
  const busiest = [
    ...tiers.map(({tier, ms}) => ({name: tier, ms})),
    ...links.map(({from, to, upMs, downMs}) => ({name: `the link from ${from} to ${to}`, ms: upMs + downMs})),
  ].reduce((most, each) => (each.ms > most.ms ? each : most));
  const rate =
    bottleneckMs > 0
      ? ` Following each other, one request every ${formatMs(bottleneckMs)}: ${busiest.name} is the busiest.`
      : '';
  return `Predicted ${formatMs(latencyMs)} for a request${parts.length === 0 ? '' : `: ${parts.join(', ')}`}. Sends ${formatBytes(bytes)}.${rate}`;
}

function comparisonTable({totals, alternatives}: PlacementAnswer, width?: number): string {
  const rows = [
    {name: 'this plan', ...totals},
    ...alternatives.map(({tier, ...others}) => ({name: `all on ${tier}`, ...others})),
  ];
  const latency = formatColumn(rows.map(({latencyMs}) => latencyMs));
  const bottleneck = formatColumn(rows.map(({bottleneckMs}) => bottleneckMs));
  return formatTable(
    [
      {title: 'placement', shrinksTo: 14},
      {title: 'latency ms', align: 'right'},
      {title: 'one request every ms', align: 'right'},
    ],
    rows.map(({name}, at) => [name, latency[at] ?? '', bottleneck[at] ?? '']),
    width,
  );
}

function sentenceFromCertificate({certificate}: PlacementAnswer): string {
  const {isOptimal, flow, cut, bound} = certificate;
  if (isOptimal) return `Proven best, flow = cut = ${flow} ns: no placement is below it.`;
  const share =
    bound === 0 ? '' : `, so this one is within ${formatShare((cut - bound) / bound)} of the best`;
  return `Not proven best: no placement is below ${formatMs(bound / NS_PER_MS)}, and this one takes ${formatMs(cut / NS_PER_MS)}${share}.`;
}
