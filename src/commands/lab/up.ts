import {boolean as booleanFlag, integer as integerFlag, string as stringFlag} from '@oclif/core/flags';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';
import {gatewayFlags, gatewaysFromFlags} from '../../terminal/labGatewayFlags.ts';
import {numberFlag} from '../../terminal/numberFlag.ts';
import {textFromLab} from '../../terminal/textFromLab.ts';
import type {LabUpResult} from '../../workflows/lab.ts';

export default class LabUp extends BaseCommand {
  static override summary =
    'Start emulated devices reached over real SSH, a link and a cloud on this machine.';
  static override description =
    'Needs no root and no installed sshd. Devices run real commands in private homes, slowed down by the given factor; the link to the cloud has the given rate and delay. The lab outlives this command until `edgewise lab down`.';
  static override examples = [
    '<%= config.bin %> lab up',
    '<%= config.bin %> lab up --device pi-1 --device pi-2 --slowdown 8 --model model.onnx',
    '<%= config.bin %> lab up --gateways 1 --gateway-mbit 20 --link-mbit 5 --model model.onnx',
  ];
  static override flags = {
    ...projectFlags,
    device: stringFlag({description: 'name of an emulated device', multiple: true, default: ['pi-1']}),
    slowdown: numberFlag({description: 'how many times slower than this machine', default: 10, min: 1}),
    cores: integerFlag({description: 'cores of each device', default: 1, min: 1}),
    'own-cores': booleanFlag({
      description:
        'slow devices by taking their cores from them, which is more exact; needs root, and those cores for nothing else',
    }),
    'link-mbit': numberFlag({
      description: 'rate of the links to the cloud, both ways, in Mbit/s',
      default: 1000,
      min: 0.001,
    }),
    'link-rtt-ms': numberFlag({
      description: 'round-trip time of the links to the cloud, in milliseconds',
      default: 2,
      min: 0,
    }),
    ...gatewayFlags,
    model: stringFlag({description: 'write edgewise.yaml for this model and the lab', helpValue: 'FILE'}),
    shape: stringFlag({
      description: 'shape of an input, as NAME=1,3,32,32, for --model',
      multiple: true,
      default: [],
    }),
  };

  async run(): Promise<LabUpResult> {
    const {flags} = await this.parse(LabUp);
    const {labUp} = await import('../../workflows/lab.ts');
    const {shapesFromFlags} = await import('../../workflows/inspect.ts');
    const result = await labUp(
      {
        folder: flags.project,
        devices: flags.device,
        slowdown: flags.slowdown,
        cores: flags.cores,
        ownsCores: flags['own-cores'],
        linkMbitPerSecond: flags['link-mbit'],
        linkRoundTripMs: flags['link-rtt-ms'],
        inputShapes: shapesFromFlags(flags.shape),
        ...(flags.gateways === 0 ? {} : {gateways: gatewaysFromFlags(flags)}),
        ...(flags.model === undefined ? {} : {modelFile: flags.model}),
      },
      this.emit,
    );
    await this.endProgress();
    this.show(textFromLab(result.lab));
    if (result.projectFile !== null) this.show(`Written to ${result.projectFile}`);
    return result;
  }
}
