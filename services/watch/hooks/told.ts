// A message as hooks get it. It was kept as JSON, and says names that strangers gave: here every text becomes inert
// (no control characters, nothing that turns the direction of writing) and bounded, once, whatever a hook makes of it.
import { createHash } from 'node:crypto';
import { INCIDENT_KINDS, type IncidentKind } from '../../../domain/watch/incident.ts';
import type { MessageBody, MessageEvent, Severity } from '../../../domain/watch/message.ts';
import { iso } from '../../../domain/window/timeline.ts';
import { visible } from '../../report/wording.ts';

export interface Told {
  /** The same for each attempt and in each form of the message: who gets one twice can drop the second. */
  readonly id: string;
  /** incident:7, run:school/quick/1764460800000 … */
  readonly about: string;
  readonly event: MessageEvent;
  readonly title: string;
  readonly lines: readonly string[];
  readonly severity: Severity;
  readonly subject: string;
  readonly incident: {
    readonly id: string;
    readonly kind: IncidentKind;
    readonly openedMs: number;
    readonly size: number;
  } | null;
  readonly examples: readonly string[];
  readonly next: string | null;
  readonly atMs: number;
}

const TITLE_MAX = 200;
const LINE_MAX = 2_000;
const LINES_MAX = 200;
const ALL_LINES_MAX = 100_000;
const EXAMPLES_MAX = 20;
const LEFT_OUT = '\n\n(The rest is left out here.)\n\n';
const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'info', 'ok'];

export interface Message {
  readonly about: string;
  readonly event: MessageEvent;
  readonly hook: string;
  readonly body: MessageBody;
}

export function toldOf({ about, event, hook, body }: Message): Told {
  const { incident } = body;
  return {
    id: messageId([about, event, hook, String(body.atMs)]),
    about: inert(about, TITLE_MAX),
    event,
    title: inert(body.title, TITLE_MAX),
    lines: boundedLines(body.lines),
    severity: SEVERITIES.find((one) => one === body.severity) ?? 'warning',
    subject: inert(body.subject, TITLE_MAX),
    incident:
      incident === null
        ? null
        : {
            id: inert(incident.id, 20),
            kind: INCIDENT_KINDS.find((one) => one === incident.kind) ?? 'trouble',
            openedMs: numberIn(incident.openedMs),
            size: numberIn(incident.size),
          },
    examples: body.examples.slice(0, EXAMPLES_MAX).map((path) => inert(path, LINE_MAX)),
    next: body.next === null ? null : inert(body.next, LINE_MAX),
    atMs: numberIn(body.atMs),
  };
}

function boundedLines(paragraphs: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let room = ALL_LINES_MAX;
  for (const line of paragraphs.flatMap((paragraph) => paragraph.split('\n'))) {
    const text = inert(line, LINE_MAX);
    if (lines.length === LINES_MAX || text.length > room) return [...lines, LEFT_OUT.trim()];
    lines.push(text);
    room -= text.length;
  }
  return lines;
}

/** 32 hexadecimal digits. */
function messageId(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** At most so many characters, none of them cut in two. */
export function cut(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const characters = Array.from(text);
  return characters.length <= charactersMax ? text : `${characters.slice(0, charactersMax - 1).join('')}…`;
}

/** It was kept as JSON by whoever can write the catalog, and becomes part of headers. */
function numberIn(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError('a number is none');
  return value;
}

function inert(text: string, charactersMax: number): string {
  // What is cut off need not be made visible: a name of a megabyte costs nothing.
  return cut(visible(text.slice(0, charactersMax * 2)), charactersMax);
}

/**
 * The message as paragraphs of plain text without its title, of at most so many characters: what does not fit is left
 * out at the end, and that is said.
 */
export function plainText(told: Told, charactersMax: number): string {
  const { lines, examples, next, incident, atMs, id } = told;
  const end = [
    ...(next === null ? [] : [`Next: ${next}`]),
    [
      ...(incident === null ? [] : [`incident ${incident.id} (${incident.kind}), opened ${utc(incident.openedMs)}`]),
      utc(atMs),
      `message ${id}`,
    ].join(' · '),
  ].join('\n\n');
  const body = [...lines, ...(examples.length === 0 ? [] : [['For example:', ...examples].join('\n  ')])].join('\n\n');
  const room = charactersMax - end.length - LEFT_OUT.length;
  const whole = body === '' ? end : `${body}\n\n${end}`;
  if (whole.length <= charactersMax) return whole;
  return `${cut(body, Math.max(1, room))}${LEFT_OUT}${end}`;
}

/** 2026-11-30 03:00 UTC */
export function utc(ms: number): string {
  return `${iso(ms).slice(0, 16).replace('T', ' ')} UTC`;
}
