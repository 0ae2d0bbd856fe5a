import {string as stringFlag} from '@oclif/core/flags';
import type {ExportedCloud} from '../../documents/exportedCloud.ts';
import {BaseCommand} from '../../terminal/baseCommand.ts';
import {exportArgs, exportFlags, exportRequestFrom, textFromExport} from '../../terminal/exportFlags.ts';
import {widthOf} from '../../terminal/formatTable.ts';

export default class ExportKserve extends BaseCommand {
  static override summary = "Write the cloud's part of a plan as an InferenceService for KServe.";
  static override description =
    'Writes a Triton model repository and an InferenceService that serves it with kserve-tritonserver. Bring the repository to --storage-uri before you apply the service.';
  static override examples = [
    '<%= config.bin %> export kserve plans/pi-1.yaml --storage-uri s3://models/lobby --instances 4',
  ];
  static override args = exportArgs;
  static override flags = {
    ...exportFlags,
    'storage-uri': stringFlag({
      description: 'where the cluster finds the model repository: s3://, gs://, pvc:// …',
      required: true,
      helpValue: 'URI',
    }),
  };

  async run(): Promise<ExportedCloud> {
    const {args, flags} = await this.parse(ExportKserve);
    const {exportCloud} = await import('../../workflows/exportCloud.ts');
    const request = {...exportRequestFrom(args.plan, flags), storageUri: flags['storage-uri']};
    const written = await exportCloud({engine: 'kserve', ...request}, this.emit);
    await this.endProgress();
    const next = `kubectl apply -f ${written.folder}/inferenceservice.yaml`;
    this.show(textFromExport(written, next, widthOf(process.stdout)));
    return written;
  }
}
