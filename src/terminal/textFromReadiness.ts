import type {Readiness, ReadinessCheck} from '../documents/readiness.ts';
import {wrapText} from './formatTable.ts';

const MARKS: Readonly<Record<ReadinessCheck['verdict'], string>> = {
  ready: 'ok  ',
  warning: 'warn',
  'not-ready': 'NO  ',
};

/** A line per check under the name of what was looked at, hints below, and the verdict. */
export function textFromReadiness({checks, isReady}: Readiness, width?: number): string {
  const lines: string[] = [];
  let subject: string | null = null;
  for (const check of checks) {
    if (check.subject !== subject) {
      if (subject !== null) lines.push('');
      lines.push(check.subject);
      subject = check.subject;
    }
    lines.push(indented(`${MARKS[check.verdict]} ${check.what}: ${check.detail}`, '  ', width));
    if (check.hint !== null) lines.push(indented(`→ ${check.hint}`, '       ', width));
  }
  const count = checks.filter(({verdict}) => verdict === 'not-ready').length;
  const verdict = isReady ? 'Ready.' : `Not ready: ${count} of ${checks.length} checks say no.`;
  return [...lines, '', verdict].join('\n');
}

function indented(text: string, indent: string, width?: number): string {
  return indent + wrapText(text, width === undefined ? undefined : width - indent.length, `${indent}  `);
}
