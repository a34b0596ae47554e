// Exit codes, everywhere (docs/design.md#exit-codes): when several apply, 130 > 2 > 4 > 1 > 3: findings are more urgent
// than what could not be read. Incomplete is never 0.

export const EXIT = { nothing: 0, findings: 1, failure: 2, incomplete: 3, guard: 4, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const ORDER: readonly ExitCode[] = [EXIT.interrupted, EXIT.failure, EXIT.guard, EXIT.findings, EXIT.incomplete];

/** The code that stands when several apply; 0 for none. */
export function worstExit(codes: Iterable<ExitCode>): ExitCode {
  const seen = new Set(codes);
  return ORDER.find((code) => seen.has(code)) ?? EXIT.nothing;
}

/**
 * What was asked cannot be done, or a guard refuses it. The message is for the operator; next is the command or step to
 * take.
 */
export class RollcallError extends Error {
  readonly exit: ExitCode;
  readonly next: string | null;

  constructor(message: string, options: { exit?: ExitCode; next?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RollcallError';
    this.exit = options.exit ?? EXIT.failure;
    this.next = options.next ?? null;
  }
}
