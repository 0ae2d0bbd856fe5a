import {EXIT, ExpectedError} from '../errors.ts';
import type {LinkConditions, LinkStatistics} from './linkConditions.ts';
import {startLinkRelay, type LinkRelay} from './linkRelay.ts';

/** A link of a lab as its state tells it: `port` is where those below it connect. */
export interface LabLink extends LinkConditions {
  readonly port: number;
}

/** The links of a lab by name, each a relay of its own. */
export interface LabLinks {
  /** `listenPort` 0 takes any free one. */
  open(name: string, conditions: LinkConditions, targetPort: number, listenPort: number): Promise<LabLink>;
  /** @throws ExpectedError `lab-link-unknown` */
  read(name: string): LabLink;
  /** @throws ExpectedError `lab-link-unknown` */
  change(name: string, change: Partial<LinkConditions>): void;
  /** Where new connections of the link lead. */
  setTarget(name: string, targetPort: number): void;
  /** @throws ExpectedError `lab-link-unknown` */
  readStatistics(name: string): Promise<LinkStatistics>;
  close(): Promise<void>;
}

export function startLabLinks(): LabLinks {
  const links = new Map<string, {readonly relay: LinkRelay; conditions: LinkConditions}>();
  const find = (name: string) => {
    const link = links.get(name);
    if (link !== undefined) return link;
    throw new ExpectedError(
      'lab-link-unknown',
      `The lab has no link ${name}; it has: ${[...links.keys()].join(', ') || 'none'}.`,
      EXIT.usage,
      {hints: ['edgewise lab status']},
    );
  };
  const read = (name: string): LabLink => {
    const {relay, conditions} = find(name);
    return {port: relay.port, ...conditions};
  };
  return {
    async open(name, conditions, targetPort, listenPort) {
      const relay = await startLinkRelay({...conditions, targetHost: '127.0.0.1', targetPort, listenPort});
      links.set(name, {relay, conditions});
      return read(name);
    },
    read,
    change(name, change) {
      const link = find(name);
      link.conditions = {...link.conditions, ...change};
      link.relay.setConditions(change);
    },
    setTarget: (name, targetPort) => links.get(name)?.relay.setTarget('127.0.0.1', targetPort),
    readStatistics: name => find(name).relay.statistics(),
    async close() {
      for (const {relay} of links.values()) await relay.close();
    },
  };
}
