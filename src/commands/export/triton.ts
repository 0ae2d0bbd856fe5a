import type {ExportedCloud} from '../../documents/exportedCloud.ts';
import {BaseCommand} from '../../terminal/baseCommand.ts';
import {exportArgs, exportFlags, exportRequestFrom, textFromExport} from '../../terminal/exportFlags.ts';
import {widthOf} from '../../terminal/formatTable.ts';

export default class ExportTriton extends BaseCommand {
  static override summary = "Write the cloud's part of a plan as a model repository for NVIDIA Triton.";
  static override examples = ['<%= config.bin %> export triton plans/pi-1.yaml --output cloud --instances 4'];
  static override args = exportArgs;
  static override flags = exportFlags;

  async run(): Promise<ExportedCloud> {
    const {args, flags} = await this.parse(ExportTriton);
    const {exportCloud} = await import('../../workflows/exportCloud.ts');
    const written = await exportCloud({engine: 'triton', ...exportRequestFrom(args.plan, flags)}, this.emit);
    await this.endProgress();
    const next = `tritonserver --model-repository ${written.folder}/models`;
    this.show(textFromExport(written, next, widthOf(process.stdout)));
    return written;
  }
}
