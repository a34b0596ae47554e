// What hooks are told. Plain JSON; each hook makes its own form of it.

export type MessageEvent = 'opened' | 'tenfold' | 'closed' | 'digest' | 'start' | 'success' | 'fail' | 'test';

export type Severity = 'critical' | 'warning' | 'info' | 'ok';

export interface MessageBody {
  /** One line, as a subject of a mail: "school: 7 files lost silently". */
  readonly title: string;
  /** Paragraphs of plain text. Names of files are in text form (domain/path): no control characters. */
  readonly lines: readonly string[];
  readonly severity: Severity;
  /** Name of a volume, backup or host; empty for the watch itself. */
  readonly subject: string;
  /** Of an incident; null for runs, digests and tests. */
  readonly incident: {
    readonly id: string;
    readonly kind: string;
    readonly openedMs: number;
    readonly size: number;
  } | null;
  /** A few paths, in text form. */
  readonly examples: readonly string[];
  readonly next: string | null;
  readonly atMs: number;
}

export interface NewMessage {
  /** incident:7, run:school/quick/1764460800000, digest:2026-11-30, test:5 */
  readonly about: string;
  readonly event: MessageEvent;
  readonly hook: string;
  readonly incident: bigint | null;
  readonly body: MessageBody;
}
