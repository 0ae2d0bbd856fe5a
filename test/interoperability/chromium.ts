import {spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import type {Readable, Writable} from 'node:stream';

const PROGRAM = '/usr/bin/chromium';

export const hasChromium = existsSync(PROGRAM);

export interface Page {
  /** Opens a file in a window of this width, in light or dark. */
  open(file: string, width: number, scheme: 'light' | 'dark'): Promise<void>;
  /** The value of an expression in the page; scripts of the page itself may be forbidden. */
  evaluate<T>(expression: string): Promise<T>;
  /** Addresses that were asked for since the page was opened. */
  readonly requested: readonly string[];
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {readonly request?: {readonly url: string}};
  readonly result?: unknown;
  readonly error?: {readonly message: string};
  readonly sessionId?: string;
}

/** Headless Chromium, asked over a pipe. @see https://chromedevtools.github.io/devtools-protocol/ */
export async function startChromium(profile: string): Promise<Page> {
  const child = spawn(
    PROGRAM,
    ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', `--user-data-dir=${profile}`],
    {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']},
  );
  const toBrowser = child.stdio[3] as Writable;
  const fromBrowser = child.stdio[4] as Readable;
  const answers = new Map<number, (message: Message) => void>();
  const events = new Map<string, () => void>();
  const requested: string[] = [];
  let received = '';
  fromBrowser.setEncoding('utf8').on('data', (chunk: string) => {
    const texts = (received + chunk).split('\0');
    received = texts.pop() ?? '';
    for (const text of texts) {
      const message = JSON.parse(text) as Message;
      if (message.method === 'Network.requestWillBeSent') requested.push(message.params?.request?.url ?? '');
      if (message.id === undefined) events.get(message.method ?? '')?.();
      else answers.get(message.id)?.(message);
    }
  });
  let sessionId: string | undefined;
  let lastId = 0;
  const ask = <T>(method: string, params: object = {}): Promise<T> => {
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      answers.set(id, ({error, result}) =>
        error === undefined ? resolve(result as T) : reject(new Error(`${method}: ${error.message}`)),
      );
      toBrowser.write(
        `${JSON.stringify({id, method, params, ...(sessionId === undefined ? {} : {sessionId})})}\0`,
      );
    });
  };
  const {targetId} = await ask<{targetId: string}>('Target.createTarget', {url: 'about:blank'});
  ({sessionId} = await ask<{sessionId: string}>('Target.attachToTarget', {targetId, flatten: true}));
  await ask('Page.enable');
  await ask('Network.enable');
  return {
    requested,
    async open(file, width, scheme) {
      requested.length = 0;
      await ask('Emulation.setDeviceMetricsOverride', {
        width,
        height: 900,
        deviceScaleFactor: 1,
        mobile: false,
      });
      await ask('Emulation.setEmulatedMedia', {features: [{name: 'prefers-color-scheme', value: scheme}]});
      const loaded = new Promise<void>(resolve => events.set('Page.loadEventFired', resolve));
      await ask('Page.navigate', {url: `file://${file}`});
      await loaded;
    },
    async evaluate<T>(expression: string) {
      const {result} = await ask<{result: {value: T}}>('Runtime.evaluate', {expression, returnByValue: true});
      return result.value;
    },
    close: () =>
      new Promise(resolve => {
        child.once('exit', () => resolve());
        sessionId = undefined;
        void ask('Browser.close');
      }),
  };
}
