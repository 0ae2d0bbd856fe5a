import {string as stringArgument} from '@oclif/core/args';
import {integer as integerFlag} from '@oclif/core/flags';
import type {BenchmarkResult} from '../documents/benchmark.ts';
import {BaseCommand, projectFlags} from '../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../terminal/connectFlags.ts';
import {numberFlag} from '../terminal/numberFlag.ts';

export default class Bench extends BaseCommand {
  static override summary =
    'Latency and throughput of what is deployed on a device, predicted beside measured.';
  static override examples = [
    '<%= config.bin %> bench pi-1',
    '<%= config.bin %> bench pi-1 --requests 500 --concurrency 8 --seconds 30 --json',
  ];
  static override args = {
    device: stringArgument({description: 'device whose endpoint is asked', required: true}),
  };
  static override flags = {
    ...projectFlags,
    ...connectFlags,
    requests: integerFlag({
      char: 'n',
      description: 'requests that are timed one after the other, with pauses',
      default: 100,
      min: 1,
    }),
    concurrency: integerFlag({
      description: 'requests at a time where their rate is measured',
      default: 4,
      min: 1,
    }),
    seconds: numberFlag({description: 'how long the rate is measured', default: 5, min: 0.1}),
  };

  async run(): Promise<BenchmarkResult> {
    const {args, flags} = await this.parse(Bench);
    const {bench} = await import('../workflows/bench.ts');
    const result = await bench(
      {
        projectPath: flags.project,
        device: args.device,
        requests: flags.requests,
        concurrency: flags.concurrency,
        seconds: flags.seconds,
        connect: connectOptionsFrom(flags),
      },
      this.emit,
    );
    await this.endProgress();
    const {textFromBenchmark} = await import('../terminal/textFromBenchmark.ts');
    this.show(textFromBenchmark(result));
    return result;
  }
}
