/** A fenced ```sh block of a page. */
export interface ShellBlock {
  /** 1-based line of the opening fence. */
  readonly line: number;
  readonly script: string;
  /** From ```sh no-run <reason>: why a test leaves the block out. */
  readonly leftOutBecause: string | null;
}

const OTHER_NAMES = ['bash', 'shell', 'console', 'zsh', 'shell-session'];

/** All commands of a Markdown page in order. Refuses blocks that would escape the tests by another name. */
export function shellBlocksOf(page: string, fileName: string): ShellBlock[] {
  const blocks: ShellBlock[] = [];
  const lines = page.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const opening = /^\s*(`{3,}|~{3,})\s*(\S*)\s*(.*)$/.exec(lines[at]!);
    if (opening === null) continue;
    const [, fence, language, rest] = opening;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end === -1) throw new Error(`${fileName}:${at + 1}: the block is never closed`);
    if (OTHER_NAMES.includes(language!)) {
      throw new Error(
        `${fileName}:${at + 1}: write \`\`\`sh instead of \`\`\`${language}, so that the commands are tested`,
      );
    }
    if (language === 'sh') {
      const leftOut = /^no-run\b\s*(.*)$/.exec(rest!.trim());
      if (leftOut === null && rest!.trim() !== '')
        throw new Error(`${fileName}:${at + 1}: what does "${rest}" mean?`);
      if (leftOut?.[1] === '') throw new Error(`${fileName}:${at + 1}: no-run needs a reason`);
      blocks.push({
        line: at + 1,
        script: lines.slice(at + 1, end).join('\n'),
        leftOutBecause: leftOut?.[1] ?? null,
      });
    }
    at = end;
  }
  return blocks;
}
