import {StringDecoder} from 'node:string_decoder';

/** What a command writes is kept in memory whole, so it has a limit. */
export const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;

/** One stream of a command: kept whole up to the limit, and handed on line by line where someone listens. */
export class OutputCollector {
  readonly #chunks: Buffer[] = [];
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: ((line: string) => void) | undefined;
  #partialLine = '';
  sizeBytes = 0;

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine;
  }

  get isOverLimit(): boolean {
    return this.sizeBytes > OUTPUT_LIMIT_BYTES;
  }

  push(chunk: Buffer): void {
    this.sizeBytes += chunk.length;
    if (this.isOverLimit) return;
    this.#chunks.push(chunk);
    if (this.#onLine === undefined) return;
    const lines = (this.#partialLine + this.#decoder.write(chunk)).split('\n');
    this.#partialLine = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  /** The whole text; a last line without its line feed is handed on too. */
  end(): string {
    const last = this.#partialLine + this.#decoder.end();
    if (last !== '') this.#onLine?.(last);
    this.#partialLine = '';
    return this.text();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** The last lines of what a command wrote, for an error message. */
export function lastLines(text: string, count = 5): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
