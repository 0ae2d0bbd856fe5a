/** How the emulated link is at the moment. Rates count the bytes that programs send, not the headers around them. */
export interface LinkConditions {
  readonly upBitsPerSecond: number;
  readonly downBitsPerSecond: number;
  /** Half of it is spent each way. */
  readonly roundTripMs: number;
  /** Up to this much more round trip, evenly distributed, drawn anew after each pause in the traffic. */
  readonly jitterMs: number;
  /** Part of the packets that get lost, each way; none when left out. */
  readonly lossRate?: number;
  /** False: nothing gets through, as with a pulled plug; what was sent waits and goes on afterwards. */
  readonly isUp: boolean;
}

export interface LinkStatistics {
  readonly openConnections: number;
  readonly totalConnections: number;
  /** Delivered to the far end so far. */
  readonly upBytes: number;
  readonly downBytes: number;
}
