import type {PlanChange, PlanSummary} from './comparePlans.ts';

const WORDS: Readonly<Record<PlanChange['kind'], string>> = {
  new: 'new',
  gone: 'gone',
  changed: '**changed**',
  'measured-again': 'same decisions, measured again',
  unchanged: 'unchanged',
};

/** For a comment on a change: a row for each plan, and of each that changed which layers move. */
export function markdownFromPlans(changes: readonly PlanChange[]): string {
  const changed = changes.filter(({kind}) => kind !== 'unchanged' && kind !== 'measured-again');
  const counts = `${changes.length} ${changes.length === 1 ? 'plan' : 'plans'}, ${changed.length} changed`;
  return [
    `### edgewise: ${counts}`,
    '',
    '| plan | | devices | placement | predicted | up | down |',
    '|---|---|---|---|---|---|---|',
    ...changes.map(({plan, kind, before, after}) => {
      const cells = (valueOf: (summary: PlanSummary) => string): string =>
        fromTo(before === null ? null : valueOf(before), after === null ? null : valueOf(after));
      const values = [
        cells(({devices}) => String(devices)),
        cells(({placement}) => placement),
        cells(({latencyMs}) => `${latencyMs.toPrecision(3)} ms`),
        cells(({upBytes}) => `${upBytes} B`),
        cells(({downBytes}) => `${downBytes} B`),
      ];
      return `| ${[plan, WORDS[kind], ...values].map(escapeCell).join(' | ')} |`;
    }),
    ...changed.filter(({movedLayers}) => movedLayers.length > 0).flatMap(textOfMoves),
    '',
  ].join('\n');
}

function fromTo(before: string | null, after: string | null): string {
  if (before === after || before === null) return after ?? '';
  return after === null ? before : `${before} → ${after}`;
}

function textOfMoves({plan, movedLayers}: PlanChange): string[] {
  const count = `${movedLayers.length} ${movedLayers.length === 1 ? 'layer moves' : 'layers move'}`;
  // A fence longer than any run of backquotes within it, whatever layers are called.
  const longest = Math.max(0, ...movedLayers.map(({layer}) => longestRun(layer)));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return [
    '',
    `<details><summary>${escapeCell(plan)}: ${count}</summary>`,
    '',
    `${fence}diff`,
    ...movedLayers.flatMap(({layer, from, to}) => {
      const name = layer.replace(/\s+/g, ' ');
      return [`- ${name}: ${from}`, `+ ${name}: ${to}`];
    }),
    fence,
    '',
    '</details>',
  ];
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(({length}) => length));
}

function escapeCell(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('|', '\\|').replace(/\s+/g, ' ');
}
