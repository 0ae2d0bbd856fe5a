import type {ServedModel} from './servedModels.ts';

export interface DrainedModel {
  readonly model: ServedModel;
  /** Waits for the requests under way, so that replacing a model fails none of them. */
  readonly waitUntilIdle: () => Promise<void>;
}

/** Counts the requests of a model; no new one may come once somebody waits for it to be idle. */
export function drainModel(model: ServedModel): DrainedModel {
  let underWay = 0;
  let onIdle: (() => void) | null = null;
  return {
    model: {
      ...model,
      async infer(request) {
        underWay++;
        try {
          return await model.infer(request);
        } finally {
          underWay--;
          if (underWay === 0) onIdle?.();
        }
      },
    },
    async waitUntilIdle() {
      if (underWay > 0) await new Promise<void>(resolve => (onIdle = resolve));
    },
  };
}
