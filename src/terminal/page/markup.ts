import {plainText} from '../formatTable.ts';

/** HTML or SVG that may stand in a page as it is; only `markup` and `joinMarkup` make it. */
export interface Markup {
  readonly html: string;
}

type Content = Markup | string | number | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template of a page: what is put in is escaped, for text and for quoted attributes alike, unless it is markup itself. */
export function markup(parts: readonly string[], ...contents: readonly Content[]): Markup {
  const html = parts.map((part, at) => part + htmlFromContent(contents[at] ?? '')).join('');
  return {html};
}

/** One after the other, with `between` as plain text between them. */
export function joinMarkup(pieces: readonly Markup[], between: string): Markup {
  return {html: pieces.map(({html}) => html).join(escapeText(between))};
}

/** A style sheet as it is; it comes with edgewise, not from a document. */
export function styleElement(style: string): Markup {
  return {html: `<style>\n${style}</style>`};
}

function htmlFromContent(content: Content): string {
  if (typeof content === 'string') return escapeText(content);
  if (typeof content === 'number') return String(content);
  return 'html' in content ? content.html : content.map(({html}) => html).join('\n');
}

function escapeText(text: string): string {
  return plainText(text).replace(/[&<>"']/g, character => ENTITIES[character] ?? '');
}
