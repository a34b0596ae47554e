// What a command prints: answers on standard output, everything about the work on standard error, a moving line on a terminal only.
import type { WriteStream } from 'node:tty';
import { bytes, count, inertJson } from '../services/restore/wording.ts';

/** How far a piece of work is. */
export interface Progress {
  /** What is being done, such as "scanning /srv/data". */
  readonly doing: string;
  readonly files: number;
  readonly bytes: number;
  /** Files in all, where an earlier scan tells; null where nobody knows. */
  readonly filesExpected: number | null;
}

export interface Output {
  /** Columns to stay within. */
  readonly width: number;
  /** Whether standard output may be coloured. */
  readonly color: boolean;
  /** One line of the answer. */
  readonly line: (text?: string) => void;
  /** The answer as one JSON document and a newline. Bigints become numbers where they are exact, else text. */
  readonly json: (value: unknown) => void;
  /** One line about the work, on standard error. */
  readonly note: (text: string) => void;
  /** Redraws the moving line; does nothing where standard error is no terminal or --no-progress was given. */
  readonly progress: (progress: Progress) => void;
  /** Takes the moving line away. */
  readonly done: () => void;
}

type Stream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

const WIDTH = 80;
const REDRAW_MS = 100;

function exactNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** "1 h 05 min", "3 min 20 s", "12 s". */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Files, bytes, rates and what remains, since the work of this name began. */
export function progressText(progress: Progress, elapsedMs: number): string {
  const seconds = elapsedMs / 1000;
  const perSecond = progress.files / seconds;
  const parts = [`${progress.doing}: ${count(progress.files)} files, ${bytes(progress.bytes)}`];
  // What was done when the line was first drawn, over the moment since, is no rate.
  if (seconds >= 1)
    parts.push(`${count(Math.round(perSecond))} files/s, ${bytes(Math.round(progress.bytes / seconds))}/s`);
  const { filesExpected } = progress;
  // A guess after a moment would jump about.
  if (filesExpected !== null && filesExpected > progress.files && seconds > 2 && perSecond > 0) {
    parts.push(`about ${duration(((filesExpected - progress.files) / perSecond) * 1000)} left`);
  }
  return parts.join(', ');
}

function clip(text: string, width: number): string {
  const points = Array.from(text);
  return points.length <= width ? text : `${points.slice(0, width - 1).join('')}…`;
}

export function openOutput(options: {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly color: boolean;
  readonly progress: boolean;
  readonly now: () => number;
}): Output {
  const { stdout, stderr, now } = options;
  const width = stdout.columns ?? stderr.columns ?? WIDTH;
  const moves = options.progress && stderr.isTTY === true;
  let shown = false;
  let drawnMs = -Infinity;
  let begun: { readonly doing: string; readonly atMs: number } | null = null;
  const done = () => {
    if (shown) stderr.write('\r\u001b[K');
    shown = false;
  };
  return {
    width,
    color: options.color && stdout.isTTY === true,
    line(text = '') {
      done();
      stdout.write(`${text}\n`);
    },
    json(value) {
      done();
      stdout.write(`${inertJson(JSON.stringify(value, exactNumber, 2))}\n`);
    },
    note(text) {
      done();
      stderr.write(`${text}\n`);
    },
    progress(progress) {
      if (!moves) return;
      const nowMs = now();
      if (begun?.doing !== progress.doing) begun = { doing: progress.doing, atMs: nowMs };
      else if (nowMs - drawnMs < REDRAW_MS) return;
      drawnMs = nowMs;
      stderr.write(`\r\u001b[K${clip(progressText(progress, nowMs - begun.atMs), (stderr.columns ?? WIDTH) - 1)}`);
      shown = true;
    },
    done,
  };
}
