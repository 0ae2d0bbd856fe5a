/** Which machines give no answer at the moment, so that not every request waits for one. */
export interface Absences {
  isGone(url: string): boolean;
  noteGone(url: string, why: string): void;
  close(): void;
}

const FIRST_LOOK_MS = 1000;
const LAST_LOOK_MS = 15_000;

/**
 * A machine that gave no answer counts as gone until it says that it is ready; it is asked ever more rarely. One that says so
 * and then fails again, a gateway without its cloud, say, is trusted ever more rarely, too.
 */
export function watchAbsences(
  isReady: (url: string) => Promise<boolean>,
  report: (line: string) => void,
): Absences {
  const looks = new Map<string, NodeJS.Timeout>();
  const lastBack = new Map<string, {readonly atMs: number; readonly waitedMs: number}>();
  const lookAfter = (url: string, waitMs: number): void => {
    const timer = setTimeout(() => {
      void isReady(url)
        .catch(() => false)
        .then(isBack => {
          if (looks.get(url) !== timer) return;
          if (!isBack) {
            lookAfter(url, Math.min(waitMs * 2, LAST_LOOK_MS));
            return;
          }
          looks.delete(url);
          lastBack.set(url, {atMs: performance.now(), waitedMs: waitMs});
          report(`${url} is back: it is asked again`);
        });
    }, waitMs);
    timer.unref();
    looks.set(url, timer);
  };
  return {
    isGone: url => looks.has(url),
    noteGone(url, why) {
      if (looks.has(url)) return;
      report(`answering alone: ${why}`);
      const back = lastBack.get(url);
      const isRelapse = back !== undefined && performance.now() - back.atMs < 2 * LAST_LOOK_MS;
      lookAfter(url, isRelapse ? Math.min(back.waitedMs * 2, LAST_LOOK_MS) : FIRST_LOOK_MS);
    },
    close() {
      for (const timer of looks.values()) clearTimeout(timer);
      looks.clear();
    },
  };
}
