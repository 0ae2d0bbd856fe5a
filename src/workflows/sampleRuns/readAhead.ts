import type {NamedTensors} from '../../documents/tensor.ts';

/** Where the samples come from: one request of the model's own shape each. */
export interface SampleSource {
  readonly requestCount: number;
  readRequest(index: number): Promise<NamedTensors>;
}

/** Samples in their order, each read once. */
export interface SampleReader {
  /** The next ones: `count`, or as many as there are. */
  take(count: number): Promise<NamedTensors[]>;
  /** Reads the next ones before they are taken, up to so many bytes. */
  readAhead(sizeBytes: number): void;
}

/** Samples `from` up to but without `to`. What `readRequest` throws, the `take` of that sample throws. */
export function startReading(source: SampleSource, from: number, to: number): SampleReader {
  const notTaken: Promise<NamedTensors>[] = [];
  let next = from;
  // In order: what lies together is read together, and the first ones asked for are the first to run.
  let last: Promise<unknown> = Promise.resolve();
  const readNext = (): Promise<NamedTensors> => {
    const index = next;
    next += 1;
    const sample = last.then(() => source.readRequest(index));
    last = sample.catch(() => {});
    notTaken.push(sample);
    return sample;
  };
  const fill = async (sizeBytes: number): Promise<void> => {
    for (let size = 0; size < sizeBytes && next < to;) size += sizeOfSample(await readNext());
  };
  return {
    take(count) {
      while (notTaken.length < count && next < to) void readNext();
      return Promise.all(notTaken.splice(0, count));
    },
    readAhead: sizeBytes => void fill(sizeBytes).catch(() => {}),
  };
}

export function sizeOfSample(tensors: NamedTensors): number {
  return Object.values(tensors).reduce((sum, {bytes}) => sum + bytes.byteLength, 0);
}
