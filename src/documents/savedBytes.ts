/** What did not have to be sent of a release's files, and why. */
export interface SavedBytes {
  /** The device had them, or a part of them. */
  readonly alreadyThere: number;
  readonly byCompression: number;
  /** Only the differences to what it had were sent. */
  readonly byDeltas: number;
}

/** What a release with its runtime would take, before compression and deltas make it less. */
export interface ForeseenSending {
  readonly lackingBytes: number;
  readonly fileBytes: number;
}
