import {string as stringArgument} from '@oclif/core/args';
import {string as stringFlag} from '@oclif/core/flags';
import type {StorePulled} from '../../documents/storeTransfer.ts';
import {BaseCommand, projectFlags} from '../../terminal/baseCommand.ts';
import {registryFlags} from '../../terminal/registryFlags.ts';

export default class StorePull extends BaseCommand {
  static override summary =
    'Bring the releases under a tag of a registry here, for push and rollout to ship.';
  static override description =
    'Copies by skopeo or oras, whichever is installed, and only what the store lacks. Nothing is taken unless it is signed by the key of --signed-by (or by the one of this machine) and every byte is what the signature says. Plans that the project does not have are written; others are left alone.';
  static override examples = [
    '<%= config.bin %> store pull oci://registry.example.org/shop/shelves:2026-11 --signed-by 1f0c9a7be2d34c55',
  ];
  static override args = {
    reference: stringArgument({
      description: 'oci://REGISTRY/REPOSITORY[:TAG|@sha256:DIGEST]',
      required: true,
    }),
  };
  static override flags = {
    ...projectFlags,
    ...registryFlags,
    'signed-by': stringFlag({
      description: 'id of the key that must have signed it, or its first 16 digits or more',
      helpValue: 'KEYID',
    }),
  };

  async run(): Promise<StorePulled> {
    const {args, flags} = await this.parse(StorePull);
    const {pullStore} = await import('../../workflows/store/pullStore.ts');
    const pulled = await pullStore(
      {
        projectPath: flags.project,
        reference: args.reference,
        signedBy: flags['signed-by'],
        isPlainHttp: flags['plain-http'],
      },
      this.emit,
    );
    await this.endProgress();
    for (const {device, release} of pulled.releases) this.show(`${device}: release ${release}`);
    this.show(
      `${pulled.reference} is ${pulled.digest}, signed by ${pulled.keyId.slice(0, 16)} (${pulled.newBlobs} of ${pulled.blobs} blobs were new).`,
    );
    for (const file of pulled.writtenPlans) this.show(`wrote plans/${file}`);
    for (const file of pulled.differingPlans)
      this.show(`plans/${file} is another version here; the one that was pulled is not used with it.`);
    return pulled;
  }
}
