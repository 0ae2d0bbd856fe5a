import {string as stringArgument} from '@oclif/core/args';
import type {StorePushed} from '../../documents/storeTransfer.ts';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';
import {connectFlags, connectOptionsFrom} from '../../terminal/connectFlags.ts';
import {registryFlags} from '../../terminal/registryFlags.ts';

export default class StorePush extends BaseCommand {
  static override summary = 'Bring the releases of plans to a registry, signed and whole.';
  static override description =
    'Composes the releases as push would, signs them and copies them by skopeo or oras, whichever is installed: credentials are theirs. What the registry has already is not sent again. Whoever pulls the tag can ship it with neither the model nor the signing key.';
  static override examples = [
    '<%= config.bin %> store push oci://registry.example.org/shop/shelves:2026-11',
    '<%= config.bin %> store push oci://registry.example.org/shop/lobby plans/lobby.yaml',
  ];
  static override strict = false;
  static override args = {
    reference: stringArgument({description: 'oci://REGISTRY/REPOSITORY[:TAG]', required: true}),
    plan: stringArgument({description: 'plan file; all plans of the project without one'}),
  };
  static override flags = {...projectFlags, ...connectFlags, ...registryFlags};

  async run(): Promise<StorePushed> {
    const {args, argv, flags} = await this.parse(StorePush);
    const {pushStore} = await import('../../workflows/store/pushStore.ts');
    const pushed = await pushStore(
      {
        projectPath: flags.project,
        reference: args.reference,
        planFiles: (argv as string[]).slice(1),
        isPlainHttp: flags['plain-http'],
        connect: connectOptionsFrom(flags),
      },
      this.emit,
    );
    await this.endProgress();
    const {formatBytes} = await import('../../terminal/formatNumbers.ts');
    for (const {device, release} of pushed.releases) this.show(`${device}: release ${release}`);
    this.show(
      `${pushed.reference} is ${pushed.digest} (${pushed.blobs} blobs, ${formatBytes(pushed.bytes)}).`,
    );
    this.show(`edgewise store pull ${pushed.reference} --signed-by ${pushed.keyId.slice(0, 16)}`);
    return pushed;
  }
}
