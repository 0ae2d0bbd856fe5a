/** Rows for one input of a model, one at a time, however many there are. */
export interface RowSource {
  readonly rowCount: number;
  /** The row's bytes in the input's own type; they belong to the caller. */
  readRow(index: number): Promise<Uint8Array>;
  /** What the content of these rows is: equal for equal bytes, wherever the files lie. */
  digest(rows: readonly number[]): Promise<string>;
  close(): Promise<void>;
}
