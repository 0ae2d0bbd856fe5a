import type {EventRenderer, EventRendererOptions} from './eventRenderer.ts';
import {renderLiveList} from './renderLiveList.ts';
import {renderPlainLines} from './renderPlainLines.ts';

export type {EventRenderer} from './eventRenderer.ts';

/** A live list of steps for people who watch, plain lines for logs and CI. */
export function createEventRenderer(options: EventRendererOptions): EventRenderer {
  return options.isTerminal ? renderLiveList(options) : renderPlainLines(options.stream);
}
