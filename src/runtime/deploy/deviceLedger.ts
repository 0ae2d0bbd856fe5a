import {randomBytes} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {ledgerSchema, type Ledger} from '../../documents/deployment.ts';
import {readJsonFile, writeDurably} from './deviceFiles.ts';

export type BadKind = Ledger['bad'][number]['kind'];

const LEDGER_FILE = 'ledger.json';
/** Enough to know a bad release again; a device's disk never fills with them. */
const MAX_BAD = 50;

export async function readLedger(home: string): Promise<Ledger> {
  const known = await readJsonFile(join(home, LEDGER_FILE), ledgerSchema);
  return (
    known ?? {
      formatVersion: 1,
      counter: 0,
      challenge: 'first',
      publicKey: null,
      device: null,
      bad: [],
      confirmed: null,
    }
  );
}

export async function writeLedger(home: string, ledger: Ledger): Promise<void> {
  await writeDurably(join(home, LEDGER_FILE), `${JSON.stringify(ledger, null, 2)}\n`);
}

/** A release that was found unhealthy stays so when a later try of it has merely lost its controller. */
export function withBadRelease(
  ledger: Ledger,
  release: string,
  {kind, reason}: {kind: BadKind; reason: string},
): Ledger {
  const known = ledger.bad.find(each => each.release === release);
  if (known?.kind === 'unhealthy' && kind === 'unconfirmed') return ledger;
  const others = ledger.bad.filter(each => each.release !== release);
  return {...ledger, bad: [...others, {release, kind, reason}].slice(-MAX_BAD)};
}

export function withConfirmed(
  ledger: Ledger,
  {transaction, release, counter}: {transaction: string; release: string; counter: number},
): Ledger {
  return {
    ...ledger,
    counter,
    challenge: randomBytes(16).toString('hex'),
    bad: ledger.bad.filter(known => known.release !== release),
    confirmed: {transaction, release},
  };
}

/** Since the device was started: what no wrong clock and no time server changes. */
export async function readUptimeMs(): Promise<number> {
  const [seconds = '0'] = (await readFile('/proc/uptime', 'utf8')).split(' ');
  return Math.round(Number(seconds) * 1000);
}
