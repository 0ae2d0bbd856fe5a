import type {ExportedCloud} from '../../documents/exportedCloud.ts';
import {BaseCommand} from '../../terminal/baseCommand.ts';
import {exportArgs, exportFlags, exportRequestFrom, textFromExport} from '../../terminal/exportFlags.ts';
import {widthOf} from '../../terminal/formatTable.ts';

export default class ExportRay extends BaseCommand {
  static override summary = "Write the cloud's part of a plan as an application for Ray Serve.";
  static override description =
    'Writes the models, a Python application that serves them over the Open Inference Protocol v2, and its config.';
  static override examples = ['<%= config.bin %> export ray plans/pi-1.yaml --instances 4 --threads 2'];
  static override args = exportArgs;
  static override flags = exportFlags;

  async run(): Promise<ExportedCloud> {
    const {args, flags} = await this.parse(ExportRay);
    const {exportCloud} = await import('../../workflows/exportCloud.ts');
    const written = await exportCloud({engine: 'ray', ...exportRequestFrom(args.plan, flags)}, this.emit);
    await this.endProgress();
    const next = `cd ${written.folder} && pip install -r requirements.txt && serve run config.yaml`;
    this.show(textFromExport(written, next, widthOf(process.stdout)));
    return written;
  }
}
