import {Command} from '@oclif/core/command';
import {string as stringFlag} from '@oclif/core/flags';
import type {EmitEvent} from '../events.ts';
import {createEventRenderer, type EventRenderer} from './renderEvents.ts';

/** Flags that every command on a project takes. */
export const projectFlags = {
  project: stringFlag({
    char: 'C',
    description: 'folder with edgewise.yaml, or the file itself',
    default: '.',
    helpValue: 'DIR',
  }),
};

/**
 * What all commands share: --json, progress on stderr, results on stdout. Errors are left to runCommandLine, which
 * reports them in one place; that is why `catch` only rethrows.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  #renderer: EventRenderer | undefined;
  #isFollowed = false;

  /** False for a command whose own commands draw on the same terminal. */
  protected readonly drawsLiveList: boolean = true;

  /** Where the workflows' events go. */
  protected get emit(): EmitEvent {
    this.#renderer ??= createEventRenderer({
      stream: process.stderr,
      isTerminal: process.stderr.isTTY && !this.jsonEnabled() && this.drawsLiveList && !this.#isFollowed,
      noColor: process.env['NO_COLOR'] !== undefined && process.env['NO_COLOR'] !== '',
    });
    const {emit} = this.#renderer;
    if (!this.#isFollowed) return emit;
    return event => {
      process.stdout.write(`${JSON.stringify(event)}\n`);
      emit(event);
    };
  }

  /** With `ndjson`, events are told on stdout as they happen, and what `run` returns is the last line. */
  protected followEvents(output: 'text' | 'ndjson'): void {
    this.#isFollowed = output === 'ndjson';
  }

  /** Prints the result for people; with --json oclif prints what `run` returns. */
  protected show(text: string): void {
    if (this.jsonEnabled() || this.#isFollowed) return;
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** Ends the live list, so that the result stands below it. */
  protected async endProgress(): Promise<void> {
    await this.#renderer?.finish();
    this.#renderer = undefined;
  }

  /** Called by oclif with what `run` returned. */
  protected override async _run<T>(): Promise<T> {
    const result = await super._run<T>();
    if (this.#isFollowed && !this.jsonEnabled())
      process.stdout.write(`${JSON.stringify({kind: 'result', result})}\n`);
    return result;
  }

  override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  }

  protected override async catch(error: Error): Promise<never> {
    throw error;
  }

  protected override async finally(): Promise<void> {
    await this.endProgress();
  }
}
