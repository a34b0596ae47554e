// Waiting for no longer than one has time.

/** What a piece of work comes to, and fails with; 'late' where it took longer, and goes on alone. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/**
 * A signal that fires with another one, or after so long; `end` when it is not needed any more. Its timer holds it:
 * of AbortSignal.any() with AbortSignal.timeout() Node 20 lets the timeout go when garbage is collected, and it never
 * fires.
 */
export function timeLimit(signal: AbortSignal, ms: number): { readonly limit: AbortSignal; readonly end: () => void } {
  const stop = new AbortController();
  const fire = (): void => stop.abort();
  const timer = setTimeout(fire, ms);
  signal.addEventListener('abort', fire, { once: true });
  if (signal.aborted) fire();
  return {
    limit: stop.signal,
    end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', fire);
    },
  };
}
