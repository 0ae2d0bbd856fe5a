/** A machine we can reach: over SSH, or the one we run on. */
export interface Machine {
  /** The device's name in the project, for messages. */
  readonly name: string;
  /** user@host:port, or `local`. */
  readonly address: string;

  /**
   * Runs one command without a shell of ours in between: `argv` is quoted in one place. A non-zero exit is a result,
   * not an error.
   * @throws ExpectedError `device-unreachable` (connection lost), `command-timed-out`
   */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>;

  /**
   * Writes a file at exactly `remotePath` (callers pass a name ending in .partial and rename it themselves).
   * @throws ExpectedError `device-unreachable`, `disk-full`, `upload-failed`
   */
  upload(source: UploadSource, remotePath: string, options?: UploadOptions): Promise<void>;

  /** @throws ExpectedError `device-unreachable`, `no-such-file` */
  download(remotePath: string): Promise<Uint8Array>;

  /** Makes a TCP port of the device's loopback reachable on this machine's loopback. */
  openTunnel(remotePort: number): Promise<Tunnel>;

  /** Whether a tunnel to that port would be let through, whoever listens there or nobody. */
  askForwarding(remotePort: number): Promise<Forwarding>;

  close(): Promise<void>;
}

export interface RunOptions {
  /** Chunks are asked for as fast as the other side takes them; what they throw ends the command and is thrown. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Default 30,000. */
  readonly timeoutMs?: number;
  /** Each complete line of stderr as it arrives. */
  readonly onStderrLine?: (line: string) => void;
}

export interface CommandResult {
  readonly argv: readonly string[];
  /** `null` when a signal ended the command. */
  readonly exitStatus: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type UploadSource = {readonly path: string} | {readonly bytes: Uint8Array};

export interface UploadOptions {
  readonly mode?: number;
  readonly onProgress?: (sentBytes: number) => void;
  /** A whole upload's deadline; default grows with the size. */
  readonly timeoutMs?: number;
}

/** `forbidden` in the other side's own words. */
export type Forwarding = {readonly kind: 'allowed'} | {readonly kind: 'forbidden'; readonly words: string};

export interface Tunnel {
  readonly localPort: number;
  close(): Promise<void>;
}
