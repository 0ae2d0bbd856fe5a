import type {EmitEvent} from '../events.ts';
import {renderLiveList} from './renderLiveList.ts';
import {renderPlainLines} from './renderPlainLines.ts';

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

/** A live list of steps for people who watch, plain lines for logs and CI. */
export function createEventRenderer(options: EventRendererOptions): EventRenderer {
  return options.isTerminal ? renderLiveList(options) : renderPlainLines(options.stream);
}
