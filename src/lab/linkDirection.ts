import {delayByLossMs, lossyBytesPerMs} from './packetLoss.ts';

/** One thing on its way: a request to connect, bytes, the end of the stream, or its breaking off. */
export type LinkItem =
  | {readonly kind: 'open'}
  | {readonly kind: 'bytes'; readonly bytes: Uint8Array}
  | {readonly kind: 'end'}
  | {readonly kind: 'reset'};

interface Waiting {
  item: LinkItem;
  /** Nothing leaves before it was there, and nothing before the connection is set up. */
  readonly earliestMs: number;
}

/** One connection's traffic in one direction. */
export interface Flow {
  /** Bytes taken over and not yet handed to the receiver: the caller's measure for holding the sender back. */
  heldBytes(): number;
  push(item: LinkItem, earliestMs: number): void;
  /** While paused (the receiver is slow) what arrives stays here, in order. */
  setPaused(isPaused: boolean): void;
  remove(): void;
}

interface FlowState {
  readonly deliver: (items: readonly LinkItem[]) => void;
  readonly waiting: Waiting[];
  readonly travelling: {item: LinkItem; dueMs: number}[];
  heldBytes: number;
  jitterMs: number;
  /** Before this the connection's congestion window lets nothing more go. */
  paceMs: number;
  lastDueMs: number;
  isPaused: boolean;
}

export interface DirectionConditions {
  readonly bitsPerSecond: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly lossRate: number;
  readonly isUp: boolean;
}

/** The smallest piece the link takes from one flow before it looks at the next: a full Ethernet frame's payload. */
const MIN_PIECE_BYTES = 1448;
const MAX_PIECE_BYTES = 64 * 1024;
const PIECE_MS = 0.5;
/** A piece may be put on the wire this long before its turn: its delivery is computed from the turn, not from now. */
const HORIZON_MS = 1;
/** Due this soon counts as due: no sleep is shorter. */
const EARLY_MS = 0.05;
/** Node's timers count whole milliseconds and may be one late; the rest is slept with a finer clock. */
const TIMER_ERROR_MS = 1.1;
/** With more pieces than these under way the traffic is a stream, where a tick of the timer goes unnoticed. */
const SPARSE_PIECES = 3;

/**
 * One direction of a link that all its connections share: pieces are put on the wire one after the other, taken in
 * turn from the flows, and arrive `delayMs` after their last bit has left. The clock is virtual: each piece starts when
 * the one before it ended, so a late timer delays its delivery but never lowers the rate.
 */
export class LinkDirection {
  #conditions: DirectionConditions;
  readonly #flows = new Set<FlowState>();
  #order: FlowState[] = [];
  #wireFreeMs = 0;
  #cancelWake: (() => void) | null = null;
  #dueMs = Infinity;

  constructor(conditions: DirectionConditions) {
    this.#conditions = conditions;
  }

  setConditions(conditions: DirectionConditions): void {
    this.#conditions = conditions;
    this.#wireFreeMs = Math.min(this.#wireFreeMs, performance.now());
    this.#advance();
  }

  addFlow(deliver: (items: readonly LinkItem[]) => void): Flow {
    const flow: FlowState = {
      deliver,
      waiting: [],
      travelling: [],
      heldBytes: 0,
      jitterMs: 0,
      paceMs: 0,
      lastDueMs: 0,
      isPaused: false,
    };
    this.#flows.add(flow);
    return {
      heldBytes: () => flow.heldBytes,
      push: (item, earliestMs) => {
        if (!this.#flows.has(flow)) return;
        if (item.kind === 'bytes') flow.heldBytes += item.bytes.length;
        if (flow.waiting.length === 0) this.#order.push(flow);
        flow.waiting.push({item, earliestMs});
        this.#advance();
      },
      setPaused: isPaused => {
        flow.isPaused = isPaused;
        if (!isPaused) this.#advance();
      },
      remove: () => {
        this.#flows.delete(flow);
        this.#order = this.#order.filter(other => other !== flow);
      },
    };
  }

  close(): void {
    this.#cancelWake?.();
    this.#cancelWake = null;
    this.#flows.clear();
    this.#order = [];
  }

  /** Puts on the wire what may have started by now, delivers what has arrived, and sets the timer for the next thing. */
  #advance(): void {
    if (!this.#conditions.isUp) return;
    const nowMs = performance.now();
    const nextStartMs = this.#transmit(nowMs);
    let nextMs = nextStartMs;
    for (const flow of this.#flows) {
      if (flow.isPaused) continue;
      const count = countDue(flow, nowMs + EARLY_MS);
      if (count > 0) {
        const items = flow.travelling.splice(0, count).map(({item}) => item);
        for (const item of items) if (item.kind === 'bytes') flow.heldBytes -= item.bytes.length;
        flow.deliver(items);
      }
      nextMs = Math.min(nextMs, flow.travelling[0]?.dueMs ?? Infinity);
    }
    this.#setTimer(nextMs);
  }

  #transmit(nowMs: number): number {
    const {bitsPerSecond, delayMs, lossRate} = this.#conditions;
    const bytesPerMs = bitsPerSecond / 8000;
    const pieceBytes = Math.min(
      MAX_PIECE_BYTES,
      Math.max(MIN_PIECE_BYTES, Math.round(bytesPerMs * PIECE_MS)),
    );
    const horizonMs = nowMs + HORIZON_MS;
    for (let skipped = 0; skipped < this.#order.length;) {
      const flow = this.#order[0];
      const head = flow?.waiting[0];
      if (flow === undefined || head === undefined) break;
      const startMs = Math.max(this.#wireFreeMs, head.earliestMs, flow.paceMs);
      if (this.#wireFreeMs > horizonMs) return this.#wireFreeMs - HORIZON_MS;
      this.#order.shift();
      if (startMs > horizonMs) {
        // Not its turn yet (its connection is still being set up): others may go first.
        this.#order.push(flow);
        skipped += 1;
        continue;
      }
      skipped = 0;
      const endMs = this.#send(flow, head, startMs, pieceBytes, bytesPerMs);
      this.#wireFreeMs = endMs;
      const sent = flow.travelling.at(-1);
      const lateMs = sent === undefined || lossRate === 0 ? 0 : this.#lose(flow, sent.item, startMs);
      flow.lastDueMs = Math.max(flow.lastDueMs, endMs + delayMs + flow.jitterMs + lateMs);
      if (sent !== undefined) sent.dueMs = flow.lastDueMs;
      if (flow.waiting.length > 0) this.#order.push(flow);
    }
    return Math.min(
      Infinity,
      ...this.#order.map(flow => Math.max(flow.waiting[0]?.earliestMs ?? Infinity, flow.paceMs) - HORIZON_MS),
    );
  }

  /** How much later the item arrives for lost packets; holds the connection to what it can carry then. */
  #lose(flow: FlowState, item: LinkItem, startMs: number): number {
    const {delayMs, lossRate} = this.#conditions;
    const link = {lossRate, roundTripMs: 2 * delayMs};
    if (item.kind !== 'bytes')
      return delayByLossMs({kind: item.kind === 'open' ? 'open' : 'other'}, link, Math.random);
    const bytes = item.bytes.length;
    flow.paceMs = startMs + bytes / lossyBytesPerMs(lossRate, link.roundTripMs);
    return delayByLossMs({kind: 'bytes', bytes, isLast: flow.waiting.length === 0}, link, Math.random);
  }

  /** Moves the next piece of `head` onto the wire and answers when its last bit has left. */
  #send(flow: FlowState, head: Waiting, startMs: number, pieceBytes: number, bytesPerMs: number): number {
    if (startMs > flow.lastDueMs) flow.jitterMs = (Math.random() * this.#conditions.jitterMs) / 2;
    const {item} = head;
    if (item.kind !== 'bytes') {
      flow.waiting.shift();
      flow.travelling.push({item, dueMs: 0});
      return startMs;
    }
    const piece = item.bytes.subarray(0, pieceBytes);
    if (piece.length === item.bytes.length) flow.waiting.shift();
    else head.item = {kind: 'bytes', bytes: item.bytes.subarray(pieceBytes)};
    flow.travelling.push({item: {kind: 'bytes', bytes: piece}, dueMs: 0});
    return startMs + piece.length / bytesPerMs;
  }

  #setTimer(dueMs: number): void {
    if (dueMs === this.#dueMs && this.#cancelWake !== null) return;
    this.#cancelWake?.();
    this.#cancelWake = null;
    this.#dueMs = dueMs;
    if (dueMs === Infinity) return;
    const wake = (): void => {
      this.#cancelWake = null;
      this.#advance();
    };
    const restMs = dueMs - performance.now();
    if (restMs < TIMER_ERROR_MS && this.#isSparse()) {
      // The event loop looks at its sockets once more before it gets here; then this thread can sleep for the rest.
      const immediate = setImmediate(() => {
        const sleepMs = dueMs - performance.now();
        if (sleepMs > 0) Atomics.wait(neverNotified, 0, 0, sleepMs);
        wake();
      });
      this.#cancelWake = () => clearImmediate(immediate);
    } else {
      const timer = setTimeout(
        wake,
        Math.max(1, Math.floor(restMs - (this.#isSparse() ? TIMER_ERROR_MS : 0))),
      );
      this.#cancelWake = () => clearTimeout(timer);
    }
  }

  #isSparse(): boolean {
    let pieces = 0;
    for (const flow of this.#flows) pieces += flow.travelling.length + flow.waiting.length;
    return pieces <= SPARSE_PIECES;
  }
}

const neverNotified = new Int32Array(new SharedArrayBuffer(4));

function countDue(flow: FlowState, untilMs: number): number {
  let count = 0;
  while (count < flow.travelling.length && (flow.travelling[count]?.dueMs ?? Infinity) <= untilMs) count += 1;
  return count;
}
