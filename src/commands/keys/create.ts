import {BaseCommand} from '../../terminal/baseCommand.ts';
import type {KeyFacts} from '../../workflows/signingKeys.ts';

export default class KeysCreate extends BaseCommand {
  static override summary = 'Make the Ed25519 key that releases are signed with.';
  static override description =
    'The key lies in the configuration folder (or where EDGEWISE_KEY says) and only its owner may read it; with EDGEWISE_KEY_PASSPHRASE set it is encrypted. Devices trust the first key that they see. A key that is there already is never overwritten.';
  static override examples = ['<%= config.bin %> keys create'];

  async run(): Promise<KeyFacts> {
    await this.parse(KeysCreate);
    const {createKeys} = await import('../../workflows/signingKeys.ts');
    const key = await createKeys(process.env['EDGEWISE_KEY_PASSPHRASE']);
    this.show(`${key.file}: ${key.keyId.slice(0, 16)}`);
    return key;
  }
}
