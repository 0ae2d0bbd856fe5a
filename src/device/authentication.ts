import type ssh2Module from 'ssh2';
import type {BaseAgent, ParsedKey, SignCallback, SigningRequestOptions} from 'ssh2';
import {EXIT, ExpectedError, messageOf} from '../errors.ts';
import {settleWithin} from './deadline.ts';
import {fingerprintOf} from './knownHosts.ts';
import {readIdentityKey, unlockKey, type IdentityKey, type PromptPassphrase} from './identityKeys.ts';
import type {ResolvedHost} from './resolveHost.ts';

type Ssh2 = typeof ssh2Module;

/** What is offered to a device, and afterwards what became of it. */
export interface Credentials {
  readonly agent: BaseAgent;
  /** For the message when nothing was taken. */
  readonly describeAttempts: () => string[];
}

interface Candidate {
  readonly label: string;
  readonly publicBlob: Buffer;
  readonly sign: (data: Buffer, hash: string | undefined) => Promise<Buffer>;
  outcome: string;
}

export interface CredentialOptions {
  readonly promptPassphrase?: PromptPassphrase | undefined;
  /** Called around a question to a person, who takes longer than any deadline. */
  readonly onPromptStart: () => void;
  readonly onPromptEnd: () => void;
}

/**
 * Keys in the order of ssh: identity files that the agent holds, the agent's other keys, then the remaining files.
 * They are put forward as one agent, because that is where ssh2 asks for a signature only after the device has said
 * that it would take the key: no passphrase is asked for in vain.
 */
export async function gatherCredentials(
  ssh2: Ssh2,
  host: ResolvedHost,
  options: CredentialOptions,
): Promise<Credentials> {
  const remarks: string[] = [];
  const files = await Promise.all(
    host.identityFiles.map(({path}) => readIdentityKey(path, ssh2.utils.parseKey)),
  );
  for (const [index, file] of files.entries()) {
    if (file.kind !== 'unusable') continue;
    if (!file.isMissing || host.identityFiles[index]?.isExplicit === true)
      remarks.push(`${file.path}: ${file.reason}`);
  }
  const usable = files.filter(file => file.kind !== 'unusable');
  const held = await listAgentKeys(ssh2, host.agentSocket, remarks);
  const heldOf = (file: IdentityKey) =>
    file.kind === 'unusable' ? undefined : held.find(key => key.publicBlob.equals(file.publicBlob));

  const ordered: Candidate[] = [];
  for (const file of usable) {
    const inAgent = heldOf(file);
    if (inAgent !== undefined) ordered.push({...inAgent, label: `${file.path} (in the agent)`});
  }
  if (!host.usesIdentitiesOnly) {
    for (const key of held)
      if (!ordered.some(other => other.publicBlob.equals(key.publicBlob))) ordered.push(key);
  }
  for (const file of usable) {
    if (heldOf(file) === undefined) ordered.push(candidateFromFile(file, options, ssh2));
  }
  return {
    agent: createKeyAgent(ssh2, ordered),
    describeAttempts: () => [...ordered.map(({label, outcome}) => `${label}: ${outcome}`), ...remarks],
  };
}

function candidateFromFile(
  file: Exclude<IdentityKey, {kind: 'unusable'}>,
  options: CredentialOptions,
  ssh2: Ssh2,
): Candidate {
  return {
    label: `${file.path} (${fingerprintOf(file.publicBlob.toString('base64'))})`,
    publicBlob: file.publicBlob,
    outcome: 'not taken',
    sign: async (data, hash) => {
      let key: ParsedKey | string;
      if (file.kind === 'ready') {
        key = file.key;
      } else {
        options.onPromptStart();
        try {
          key = await unlockKey(file, options.promptPassphrase, ssh2.utils.parseKey);
        } finally {
          options.onPromptEnd();
        }
      }
      if (typeof key === 'string') throw new Error(key);
      // ssh2 gives back an Error rather than throwing it.
      const signature: Buffer | Error = key.sign(data, hash);
      if (signature instanceof Error) throw signature;
      return signature;
    },
  };
}

const AGENT_MS = 5000;

async function listAgentKeys(
  ssh2: Ssh2,
  socket: string | undefined,
  remarks: string[],
): Promise<Candidate[]> {
  if (socket === undefined) return [];
  const agent = ssh2.createAgent(socket);
  try {
    const listing = new Promise<ParsedKey[]>((resolve, reject) => {
      agent.getIdentities((error, found) => {
        if (error) reject(error);
        else resolve((found ?? []) as ParsedKey[]);
      });
    });
    const keys = await settleWithin(AGENT_MS, listing);
    if (keys === undefined) throw new Error(`no answer within ${AGENT_MS / 1000} s`);
    return keys.map(key => ({
      label: `agent key ${fingerprintOf(key.getPublicSSH().toString('base64'))}`,
      publicBlob: key.getPublicSSH(),
      outcome: 'not taken',
      sign: (data, hash) =>
        new Promise<Buffer>((resolve, reject) => {
          const options = (hash === undefined ? {} : {hash}) as SigningRequestOptions;
          agent.sign(key, data, options, (error, signature) => {
            if (error || signature === undefined) reject(error ?? new Error('the agent gave no signature'));
            else resolve(signature);
          });
        }),
    }));
  } catch (error) {
    remarks.push(`agent ${socket}: ${messageOf(error)}`);
    return [];
  }
}

function createKeyAgent(ssh2: Ssh2, candidates: readonly Candidate[]): BaseAgent {
  class KeyAgent extends ssh2.BaseAgent<Buffer> {
    getIdentities(callback: (error: Error | undefined, keys?: Buffer[]) => void): void {
      // ssh2 parses public keys from text or from the wire's form wrapped as text.
      callback(
        undefined,
        candidates.map(({publicBlob}) => publicKeyText(publicBlob)),
      );
    }

    sign(
      publicKey: unknown,
      data: Buffer,
      optionsOrCallback: SigningRequestOptions | SignCallback,
      maybeCallback?: SignCallback,
    ): void {
      const options = typeof optionsOrCallback === 'function' ? {} : optionsOrCallback;
      const callback = typeof optionsOrCallback === 'function' ? optionsOrCallback : maybeCallback;
      const blob = (publicKey as ParsedKey).getPublicSSH();
      const candidate = candidates.find(({publicBlob}) => publicBlob.equals(blob));
      void (async () => {
        if (candidate === undefined)
          throw new Error('a signature was asked for with a key that was never offered');
        // Only servers that know nothing better ask for it.
        if (options.hash === 'sha1') throw new Error('the device takes RSA keys with SHA-1 signatures only');
        return candidate.sign(data, options.hash);
      })().then(
        signature => callback?.(undefined, signature),
        (error: unknown) => {
          if (candidate !== undefined) candidate.outcome = messageOf(error);
          callback?.(error instanceof Error ? error : new Error(String(error)));
        },
      );
    }
  }
  return new KeyAgent();
}

function publicKeyText(publicBlob: Buffer): Buffer {
  const type = publicBlob.toString('latin1', 4, 4 + publicBlob.readUInt32BE(0));
  return Buffer.from(`${type} ${publicBlob.toString('base64')}`);
}

export function authenticationRefusedError(
  where: string,
  user: string,
  attempts: readonly string[],
  cause: unknown,
): ExpectedError {
  if (isTooMany(cause)) {
    return new ExpectedError(
      'authentication-refused',
      `${where} refused user ${user} after too many keys: ${attempts.join('; ')}.`,
      EXIT.unreachable,
      {
        hints: ['Name the right key with IdentityFile and IdentitiesOnly yes in the SSH configuration'],
        cause,
      },
    );
  }
  const tried = attempts.length === 0 ? 'there was no key to offer' : `tried ${attempts.join('; ')}`;
  return new ExpectedError(
    'authentication-refused',
    `${where} refused user ${user}: ${tried}.`,
    EXIT.unreachable,
    {
      hints: [
        attempts.length === 0
          ? 'Set identityFile in edgewise.yaml, or load a key with ssh-add'
          : `Let the device know your key: ssh-copy-id -i KEY ${user}@HOST`,
      ],
      cause,
    },
  );
}

function isTooMany(cause: unknown): boolean {
  return /too many authentication failures/i.test(messageOf(cause));
}
