/** Draws the rooms of src/ and their arrows into docs/ARCHITECTURE.md: node test/tools/drawRooms.ts */
import {readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

export const PAGE = fileURLToPath(new URL('../../docs/ARCHITECTURE.md', import.meta.url));
const BEGIN = '<!-- rooms: written by test/tools/drawRooms.ts -->';
const END = '<!-- end of rooms -->';

interface RoomTable {
  readonly ARROWS: Readonly<Record<string, {readonly to: readonly string[]; readonly why: string}>>;
  readonly PURE_ROOMS: readonly string[];
}

// Its path is not a literal, because the file is JavaScript and has no types of its own.
const table = new URL('../../.dependency-cruiser.js', import.meta.url).href;
export const {ARROWS, PURE_ROOMS} = (await import(table)) as RoomTable;

/** The page with its drawing and table made anew from the ARROWS table. */
export function pageWithRooms(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${PAGE} has no place for the drawing of the rooms`);
  return `${page.slice(0, begin)}${BEGIN}\n${drawRooms()}\n${page.slice(end)}`;
}

function drawRooms(): string {
  const names = Object.keys(ARROWS);
  const isPure = (room: string) => PURE_ROOMS.includes(room);
  const drawing = [
    '```mermaid',
    'flowchart TD',
    ...names.map(room => `  ${room}${isPure(room) ? `(["${room}"])` : `["${room}"]`}`),
    ...names.flatMap(room => drawnArrows(room).map(target => `  ${room} --> ${target}`)),
    '```',
  ];
  const rows = [
    '| room | pure | may import | because |',
    '|---|---|---|---|',
    ...names.map(room => {
      const {to, why} = ARROWS[room]!;
      return `| \`${room}/\` | ${isPure(room) ? 'yes' : ''} | ${to.join(', ') || 'nothing'} | ${why} |`;
    }),
  ];
  return [...drawing, '', ...rows].join('\n');
}

/** An arrow that a longer way already implies only clutters the drawing; the table has them all. */
function drawnArrows(room: string): readonly string[] {
  const direct = ARROWS[room]?.to ?? [];
  return direct.filter(target => !direct.some(other => other !== target && reaches(other, target)));
}

function reaches(from: string, target: string): boolean {
  return (ARROWS[from]?.to ?? []).some(next => next === target || reaches(next, target));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, pageWithRooms(readFileSync(PAGE, 'utf8')));
}
