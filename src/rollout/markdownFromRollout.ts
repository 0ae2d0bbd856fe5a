import type {RolloutSummary} from '../documents/rollout.ts';

/** For the page of a CI job: the outcome, a table of waves, and the devices that are not as they should be. */
export function markdownFromRollout({id, outcome, reason, waves, devices}: RolloutSummary): string {
  const odd = devices.filter(({phase}) => phase !== 'confirmed' && phase !== 'unchanged');
  return [
    `### Rollout ${id}: ${outcome ?? 'under way'}`,
    '',
    ...(reason === null ? [] : [cell(reason), '']),
    '| wave | devices | verdict | why |',
    '|---|---|---|---|',
    ...waves.map(({wave, devices: count, verdict, gates}) => {
      const blamed = gates.find(gate => gate.verdict !== 'pass');
      return `| ${wave} | ${count} | ${verdict ?? '–'} | ${cell(blamed?.reason ?? '')} |`;
    }),
    ...(odd.length === 0
      ? []
      : [
          '',
          '| device | wave | phase | detail |',
          '|---|---|---|---|',
          ...odd.map(
            ({device, wave, phase, detail}) => `| ${device} | ${wave} | ${phase} | ${cell(detail ?? '')} |`,
          ),
        ]),
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replace(/\s+/g, ' ');
}
