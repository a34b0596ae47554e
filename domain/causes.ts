// Errors wrap what caused them; whoever asks what an error means looks at all of it.

/** Beyond this an error wraps itself. */
const DEPTH_MAX = 8;

/** An error, what caused it, what caused that …; none for what is no error. */
export function* causesOf(error: unknown): Generator<Error> {
  for (let at = error, depth = 0; at instanceof Error && depth < DEPTH_MAX; at = at.cause, depth += 1) yield at;
}
