import {readdirSync, readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {ARROWS, PAGE, pageWithRooms} from '../tools/drawRooms.ts';

const folders = readdirSync(new URL('../../src', import.meta.url), {withFileTypes: true})
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name);

describe('docs/ARCHITECTURE.md', () => {
  it('draws the rooms as they are (else run: node test/tools/drawRooms.ts)', () => {
    const page = readFileSync(PAGE, 'utf8');
    expect(page).toBe(pageWithRooms(page));
  });

  it('draws every folder of src/ and no other', () => {
    expect(Object.keys(ARROWS).sort()).toEqual(folders.sort());
  });

  it.each(folders)('%s/ says in a README of at most 15 lines what it is for', room => {
    const readme = readFileSync(new URL(`../../src/${room}/README.md`, import.meta.url), 'utf8');
    expect(readme).toMatch(new RegExp(`^# ${room}\n`));
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
  });
});
