/** What `store push --json` prints. */
export interface StorePushed {
  readonly reference: string;
  /** Of the index under the tag: names this very content for good. */
  readonly digest: string;
  readonly keyId: string;
  readonly releases: readonly {readonly device: string; readonly release: string}[];
  /** What the tag leads to; what the registry had already was not sent again. */
  readonly blobs: number;
  readonly bytes: number;
}

/** What `store pull --json` prints. */
export interface StorePulled extends Omit<StorePushed, 'bytes'> {
  /** Blobs that were not in the store before. */
  readonly newBlobs: number;
  /** Plans that the project did not have. */
  readonly writtenPlans: readonly string[];
  /** Plans of which the project has another version: theirs cannot be pushed before this one is moved away. */
  readonly differingPlans: readonly string[];
}
