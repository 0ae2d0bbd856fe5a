import {createInterface} from 'node:readline';
import {isMainThread, parentPort, Worker, workerData} from 'node:worker_threads';

// The same lines as labBurstChild.ts, but the work is inference of an ONNX model (the first argument; the second is its
// batch, 1) in a worker thread, the way an agent does it: one thread reads the request, another one runs the model, the first one answers.

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), {workerData: process.argv.slice(2)});
  worker.once('message', () => {
    console.log('ready');
    createInterface({input: process.stdin}).on('line', line => {
      worker.once('message', () => console.log('done'));
      worker.postMessage(Number(line));
    });
  });
} else {
  const [file = '', batch = '1'] = workerData as string[];
  const ort = await import('onnxruntime-node');
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const [input] = session.inputMetadata;
  if (input?.isTensor !== true) throw new Error('the model takes no tensor');
  // What is not fixed in the file is the batch.
  const shape = input.shape.map(size => (typeof size === 'number' && size > 0 ? size : Number(batch)));
  const feeds = {
    [input.name]: new ort.Tensor(new Float32Array(shape.reduce((product, size) => product * size, 1)), shape),
  };
  const run = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time += 1) await session.run(feeds);
  };
  await run(20);
  parentPort?.postMessage('ready');
  parentPort?.on('message', (times: number) => void run(times).then(() => parentPort?.postMessage('done')));
}
