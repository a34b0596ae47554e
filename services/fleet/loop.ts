// What a worker waits by, and how it tells of what happens again and again.

export interface Bell {
  /** Ends the pause that is on, or the next one at once. */
  ring(): void;
  pause(ms: number): Promise<void>;
}

export function newBell(signal: AbortSignal): Bell {
  let rung = false;
  let wake: (() => void) | null = null;
  signal.addEventListener('abort', () => wake?.());
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async pause(ms) {
      if (!rung && !signal.aborted) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, ms);
        });
        clearTimeout(timer);
        wake = null;
      }
      rung = false;
    },
  };
}

const TOLD_AGAIN_MS = 60_000;
const TOLD_MAX = 100;

/**
 * The same trouble (a database that is away) is told once a minute, not with every try, whatever numbers stand in it.
 */
export function quietly(log: (line: string) => void, nowMs: () => number): (error: Error) => void {
  const toldAtMs = new Map<string, number>();
  return (error) => {
    const { cause } = error;
    const text =
      cause instanceof Error && !error.message.includes(cause.message)
        ? `${error.message} (${cause.message})`
        : error.message;
    // Nothing that came from elsewhere moves the cursor of whoever reads the log.
    const line = text.replaceAll(/\p{Cc}+/gu, ' ');
    const alike = line.replaceAll(/\d+/g, '#');
    if (nowMs() - (toldAtMs.get(alike) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return;
    if (toldAtMs.size > TOLD_MAX) toldAtMs.clear();
    toldAtMs.set(alike, nowMs());
    log(line === '' ? error.name : line);
  };
}
