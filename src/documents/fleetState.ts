/** Where a device differs from what is declared; the `--json` of `edgewise devices`. */
export interface DeviceState {
  readonly device: string;
  readonly address: string;
  readonly target: string | null;
  readonly isReachable: boolean;
  readonly currentRelease: string | null;
  readonly declaredRelease: string | null;
  /** One sentence each; empty when the device is as declared, or was not held against anything. */
  readonly drift: readonly string[];
  /** Why it could not be asked. */
  readonly problem: string | null;
}
