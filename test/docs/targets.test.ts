import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {CPU_OPERATORS} from '../../src/targets/cpuOperators.ts';
import {TARGETS} from '../../src/targets/targets.ts';

const page = readFileSync(new URL('../../docs/targets.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .filter(line => line.startsWith('| `'))
  .map(line => line.split('|').map(cell => cell.trim()));

describe('docs/targets.md', () => {
  it('lists the targets in the order in which a machine is asked', () => {
    expect(rows.map(([, name]) => name)).toEqual(TARGETS.map(({name}) => `\`${name}\``));
  });

  it.each(TARGETS.map(({name, recipe}) => [name, recipe] as const))(
    'lists the builds of %s in order',
    (name, recipe) => {
      const row = rows.find(([, cell]) => cell === `\`${name}\``);
      const builds = [...(row?.[4] ?? '').matchAll(/`([^`]+)`/g)].map(match => match[1]);
      expect(builds).toEqual(recipe.candidates.map(candidate => candidate.name));
    },
  );

  it("names every operator of the CPU's table", () => {
    const missing = Object.keys(CPU_OPERATORS).filter(
      operator => !new RegExp(`\\b${operator}\\b`).test(page),
    );
    expect(missing).toEqual([]);
  });
});
