import {constants} from 'node:os';
import {quoteArgv} from './quoteArgv.ts';

// The marker goes out on both streams before the command starts: what a login shell's start-up files print comes
// before it and is dropped, and its line on stderr carries the process id, which is the group to end when time is up.
const SCRIPT = String.raw`m=$1; shift; printf '%s\n' "$m"; printf '%s %s\n' "$m" "$$" >&2; exec "$@"`;

// The shell stays, as the leader of the group, to say how the command ended where nobody else does.
const SCRIPT_WITH_STATUS = String.raw`m=$1; shift; printf '%s\n' "$m"; printf '%s %s\n' "$m" "$$" >&2; "$@"; s=$?; printf '%s %s\n' "$m" "$s" >&2`;

/**
 * What the login shell on the other side is told to run so that `argv` runs and its process id is known; with
 * `saysStatus` also how it ended, as the last thing on stderr.
 */
export function wrapCommand(argv: readonly string[], marker: string, saysStatus = false): string {
  const script = saysStatus ? SCRIPT_WITH_STATUS : SCRIPT;
  return commandForAnyShell(`set -- ${quoteArgv([marker, ...argv])}; ${script}`);
}

/**
 * A POSIX script as a command for whatever login shell there is. Between single quotes csh knows no line ends and takes "!"
 * for history, fish halves backslashes, and bytes beyond ASCII depend on the locale: all of these, and the quotes, travel
 * as octal numbers, which the printf of /bin/sh turns back.
 */
export function commandForAnyShell(script: string): string {
  const encoded = Buffer.from(script)
    .toString('latin1')
    .replaceAll(/['\\!]|[^ -~]/g, byte => `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return `exec /bin/sh -c 'eval "$(printf %b "$1")"' sh '${encoded}'`;
}

/** A shell tells of a signal by 128 and its number: a command that exits with such a status itself looks the same. */
export function exitFromNote(
  note: string | undefined,
): {status: number | null; signal: string | null} | undefined {
  if (note === undefined || !/^\d+$/.test(note)) return undefined;
  const status = Number(note);
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
  return signal === undefined ? {status, signal: null} : {status: null, signal};
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

  /** The marker has not come yet. */
  get isWaiting(): boolean {
    return this.#held !== undefined;
  }

  /** At the end of the stream: what was held back because the marker never came. */
  rest(): Buffer {
    return this.#held ?? Buffer.alloc(0);
  }
}

/** Takes the marker at the end of a stream off it; whatever might be its beginning is held back until that is clear. */
export class EndFilter {
  readonly #marker: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #hasMarker = false;

  constructor(marker: string) {
    this.#marker = Buffer.from(marker);
  }

  get note(): string | undefined {
    return this.#hasMarker ? this.#held.toString('utf8', this.#marker.length).trim() : undefined;
  }

  push(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#held, chunk]);
    const found = this.#hasMarker ? 0 : bytes.indexOf(this.#marker);
    this.#hasMarker = found >= 0;
    const start = this.#hasMarker ? found : this.#startOfPossibleMarker(bytes);
    this.#held = bytes.subarray(start);
    return bytes.subarray(0, start);
  }

  /** At the end of the stream: what was held back although it was no marker. */
  rest(): Buffer {
    return this.#hasMarker ? Buffer.alloc(0) : this.#held;
  }

  #startOfPossibleMarker(bytes: Buffer): number {
    const first = Math.max(0, bytes.length - this.#marker.length + 1);
    for (let start = first; start < bytes.length; start += 1)
      if (this.#marker.subarray(0, bytes.length - start).equals(bytes.subarray(start))) return start;
    return bytes.length;
  }
}
