import {integer as integerFlag, option as optionFlag, string as stringFlag} from '@oclif/core/flags';
import {BaseCommand} from '../terminal/baseCommand.ts';

export default class Serve extends BaseCommand {
  static override summary = 'The cloud tier: serve models in the Open Inference Protocol v2.';
  static override description =
    'Serves DIR/<model>/1/model.onnx over HTTP until it is interrupted. Plain HTTP: put a proxy with TLS in front where others share the network.';
  static override examples = [
    '<%= config.bin %> serve --model-repository models --model-control explicit --port 8700',
  ];
  static override flags = {
    'model-repository': stringFlag({description: 'folder of models', required: true, helpValue: 'DIR'}),
    'model-control': optionFlag({
      description:
        'explicit: clients (edgewise push) may load and unload models; none: only what the folder holds',
      options: ['none', 'explicit'] as const,
      default: 'none' as const,
    })(),
    host: stringFlag({description: 'address to listen on', default: '127.0.0.1'}),
    port: integerFlag({
      description: 'port to listen on; 0 takes a free one',
      default: 8700,
      min: 0,
      max: 65535,
    }),
    threads: integerFlag({description: 'threads per model', default: 1, min: 1}),
  };

  async run(): Promise<{url: string}> {
    const {flags} = await this.parse(Serve);
    const {serve} = await import('../workflows/serve.ts');
    return serve(
      {
        host: flags.host,
        port: flags.port,
        modelRepository: flags['model-repository'],
        allowModelControl: flags['model-control'] === 'explicit',
        threads: flags.threads,
      },
      url => this.show(`Serving ${flags['model-repository']} at ${url}; Ctrl-C ends it.`),
    );
  }
}
