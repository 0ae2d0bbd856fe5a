import {quoteArgv} from './quoteArgv.ts';

// The marker goes out on both streams before the command starts: what a login shell's start-up files print comes
// before it and is dropped, and its line on stderr carries the process id, which is the group to end when time is up.
const SCRIPT = String.raw`m=$1; shift; printf '%s\n' "$m"; printf '%s %s\n' "$m" "$$" >&2; exec "$@"`;

/** What the login shell on the other side is told to run so that `argv` runs and its process id is known. */
export function wrapCommand(argv: readonly string[], marker: string): string {
  return `exec ${quoteArgv(['/bin/sh', '-c', SCRIPT, 'sh', marker, ...argv])}`;
}

// "--" is left out on purpose: dash takes it for a process id. `sleep 0.1` is not understood everywhere.
const END_SCRIPT = [
  'for p; do kill -TERM -"$p" || kill -TERM "$p"; done',
  'n=0',
  'while [ $n -lt 10 ]; do left=; for p; do kill -0 -"$p" && left=1; done; [ -n "$left" ] || exit 0; sleep 0.1 || sleep 1; n=$((n+1)); done',
  'for p; do kill -KILL -"$p" || kill -KILL "$p"; done',
].join('\n');

/** Ends the process groups: asked first, killed a second later. */
export function endGroupsArgv(processIds: readonly number[]): string[] {
  return ['/bin/sh', '-c', `exec 2>/dev/null\n${END_SCRIPT}`, 'sh', ...processIds.map(String)];
}

/** No start-up file prints more than this before the command starts. */
const MAX_HELD_BYTES = 1024 * 1024;

/** Drops everything up to and including the marker's line; what follows the marker on that line is its `note`. */
export class MarkerFilter {
  readonly #marker: Buffer;
  #held: Buffer | undefined = Buffer.alloc(0);
  note: string | undefined;

  constructor(marker: string) {
    this.#marker = Buffer.from(marker);
  }

  /** The part of `chunk` that belongs to the command. */
  push(chunk: Buffer): Buffer {
    if (this.#held === undefined) return chunk;
    const held = Buffer.concat([this.#held, chunk]);
    const start = held.indexOf(this.#marker);
    const end = start < 0 ? -1 : held.indexOf(10, start);
    if (end < 0) {
      if (held.length > MAX_HELD_BYTES) {
        this.#held = undefined;
        return held;
      }
      this.#held = held;
      return Buffer.alloc(0);
    }
    this.#held = undefined;
    this.note = held.toString('utf8', start + this.#marker.length, end).trim();
    return held.subarray(end + 1);
  }

  /** At the end of the stream: what was held back because the marker never came. */
  rest(): Buffer {
    return this.#held ?? Buffer.alloc(0);
  }
}
