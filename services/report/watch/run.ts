// What hooks are told of a run: that an audit began, and how it ended. Only pings are told.
import type { ExitCode } from '../../../domain/exit.ts';
import type { MessageBody, NewMessage } from '../../../domain/watch/message.ts';

export interface RunTold {
  readonly subject: string;
  readonly kind: 'quick' | 'snapshots' | 'scrub';
  readonly dueMs: number;
  readonly atMs: number;
  /** Null: it begins. */
  readonly end: { readonly succeeded: boolean; readonly exit: ExitCode | null; readonly message: string | null } | null;
}

export const WORK: Readonly<Record<RunTold['kind'], string>> = {
  quick: 'an assessment',
  snapshots: 'a look at new snapshots',
  scrub: 'a part of the scrub',
};

/** One for each of these hooks. */
export function runMessages(told: RunTold, hooks: readonly string[]): NewMessage[] {
  const { subject, kind, dueMs, end } = told;
  const event = end === null ? 'start' : end.succeeded ? 'success' : 'fail';
  const body = bodyOf(told);
  return hooks.map((hook) => ({ about: `run:${subject}/${kind}/${dueMs}`, event, hook, incident: null, body }));
}

function bodyOf({ subject, kind, atMs, end }: RunTold): MessageBody {
  const how = end === null ? 'begins' : end.succeeded ? 'has ended' : 'failed, or could not look at everything';
  return {
    title: `${subject}: ${WORK[kind]} ${how}`,
    lines: end === null || end.message === null ? [] : [end.message],
    severity: end === null ? 'info' : end.succeeded ? 'ok' : 'warning',
    subject,
    incident: null,
    examples: [],
    next: end === null || end.succeeded ? null : 'rollcall status',
    atMs,
  };
}
