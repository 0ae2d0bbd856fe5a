import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import type {Release} from '../../documents/release.ts';
import {checkFeeds} from '../../engine/checkFeeds.ts';
import type {Session} from '../../engine/session.ts';
import {ExpectedError} from '../../errors.ts';
import type {ProtocolClient} from '../client.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import type {ServedModel} from '../server/servedModels.ts';

export interface SplitParts {
  /** `null` when every layer runs in the cloud. */
  readonly head: Session | null;
  /** `null` when every layer runs here. */
  readonly cloud: ProtocolClient | null;
  /** For one call of the cloud. */
  readonly deadlineMs: number;
}

/**
 * A release as one model: the head here, the tail in the cloud, either of which may be absent. Timings: `head` is the
 * native run here, `tail` the cloud's own run as it reports it, `link` the rest of the call to the cloud.
 */
export function makeSplitModel(release: Release, {head, cloud, deadlineMs}: SplitParts): ServedModel {
  const {model, tail} = release;
  const headInputs = release.head?.inputs.map(({name}) => name) ?? [];
  const headOutputs = new Set(release.head?.outputs.map(({name}) => name));
  const tailOutputs = tail?.outputs.map(({name}) => name) ?? [];
  const modelInputs = new Set(model.inputs.map(({name}) => name));
  // The head may take the inputs' memory only where nothing after it reads them again.
  const isPassedOn = ({name}: {readonly name: string}) => modelInputs.has(name) && !headOutputs.has(name);
  const canTakeInputs = ![...(tail?.inputs ?? []), ...model.outputs].some(isPassedOn);

  const callTail = async (known: (name: string) => Tensor | undefined, wanted: readonly string[]) => {
    if (tail === undefined || cloud === null) throw new Error('a tail is wanted of a release without one');
    const inputs = Object.fromEntries(
      tail.inputs.map(({name}) => {
        const tensor = known(name);
        if (tensor === undefined)
          throw new Error(`the tail needs ${name}, which neither the head nor the request has`);
        return [name, tensor];
      }),
    );
    const answer = await cloud
      .infer(tail.modelName, {inputs, outputs: wanted}, {deadlineMs})
      .catch(refuseFromCloud);
    for (const name of wanted) {
      const declared = tail.outputs.find(output => output.name === name);
      if (answer.outputs[name]?.elementType !== declared?.elementType) {
        throw new ProtocolError(
          502,
          `the cloud's model ${tail.modelName} gave no output '${name}' of ${declared?.elementType}`,
        );
      }
    }
    return answer;
  };

  return {
    name: model.name,
    version: '1',
    platform: 'edgewise',
    inputs: model.inputs,
    outputs: model.outputs,
    async infer({inputs, wanted}) {
      checkFeeds(model.inputs, inputs);
      let headMs = 0;
      let headResults: NamedTensors = {};
      if (head !== null) {
        const feeds = Object.fromEntries(headInputs.map(name => [name, inputs[name]!]));
        const result = await head.run(feeds, {canTakeFeeds: canTakeInputs});
        headMs = result.computeMs;
        headResults = result.outputs;
      }
      const known = (name: string) => headResults[name] ?? inputs[name];
      const wantedOfTail = tailOutputs.filter(name => wanted.includes(name));
      let linkMs = 0;
      let tailMs = 0;
      let tailResults: NamedTensors = {};
      if (wantedOfTail.length > 0) {
        const answer = await callTail(known, wantedOfTail);
        tailMs = Math.min(answer.serverTiming.get('compute') ?? 0, answer.wallMs);
        linkMs = answer.wallMs - tailMs;
        tailResults = answer.outputs;
      }
      const outputs = Object.fromEntries(
        wanted.map(name => {
          const tensor = tailResults[name] ?? known(name);
          if (tensor === undefined)
            throw new Error(`no segment of release ${release.id} gives output ${name}`);
          return [name, tensor];
        }),
      );
      return {
        outputs,
        timings: [
          ['head', headMs],
          ['link', linkMs],
          ['tail', tailMs],
        ],
      };
    },
  };
}

/** What went wrong between us and the cloud is not the caller's fault: 503 for no answer, 502 for a refusal. */
function refuseFromCloud(error: unknown): never {
  if (!(error instanceof ExpectedError)) throw error;
  throw new ProtocolError(error.code === 'cloud-error' ? 502 : 503, error.message);
}
