import {BaseCommand} from '../../terminal/baseCommand.ts';
import type {KeyFacts} from '../../workflows/signingKeys.ts';

export default class KeysShow extends BaseCommand {
  static override summary = 'Say which key releases are signed with; never the private part.';
  static override examples = ['<%= config.bin %> keys show'];

  async run(): Promise<KeyFacts> {
    await this.parse(KeysShow);
    const {showKeys} = await import('../../workflows/signingKeys.ts');
    const key = await showKeys();
    this.show(`${key.file}: ${key.keyId.slice(0, 16)}, public key ${key.publicKey}`);
    return key;
  }
}
