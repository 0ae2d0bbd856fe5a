import type {EmitEvent} from '../events.ts';

export interface EventRendererOptions {
  /** Where progress goes: stderr, since stdout carries the result only. */
  readonly stream: NodeJS.WriteStream;
  readonly isTerminal: boolean;
  readonly noColor: boolean;
}

export interface EventRenderer {
  readonly emit: EmitEvent;
  /** Ends the live list and leaves its last state standing; resolves when everything is written. */
  finish(): Promise<void>;
}
