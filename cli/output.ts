// What a command prints: answers on standard output, everything about the work on standard error, a moving line on a
// terminal only.
import type { WriteStream } from 'node:tty';
import { inertJson } from '../services/report/wording.ts';
import { type Progress, progressText } from '../services/report/terminal/progress.ts';

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
  /** Prints what was held back, and holds back nothing more. */
  readonly release: () => void;
}

type Stream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

const WIDTH = 80;
const REDRAW_MS = 100;

function exactNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

export function openOutput(options: {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly color: boolean;
  readonly progress: boolean;
  /** Holds everything back until release: whether there is anything to report is known in the end. */
  readonly holds?: boolean;
  readonly now: () => number;
}): Output {
  const { now } = options;
  let held: (() => void)[] | null = options.holds === true ? [] : null;
  const { stdout, stderr } = options;
  const write = (stream: Stream, text: string): void => {
    if (held === null) stream.write(text);
    else held.push(() => void stream.write(text));
  };
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
      write(stdout, `${text}\n`);
    },
    json(value) {
      done();
      write(stdout, `${inertJson(JSON.stringify(value, exactNumber, 2))}\n`);
    },
    note(text) {
      done();
      write(stderr, `${text}\n`);
    },
    progress(progress) {
      if (!moves) return;
      const nowMs = now();
      if (begun?.doing !== progress.doing) begun = { doing: progress.doing, atMs: nowMs };
      else if (nowMs - drawnMs < REDRAW_MS) return;
      drawnMs = nowMs;
      // Asked each time: a window changes its size.
      const width = Math.max(1, (stderr.columns ?? WIDTH) - 1);
      stderr.write(`\r\u001b[K${progressText(progress, nowMs - begun.atMs, width)}`);
      shown = true;
    },
    done,
    release() {
      const texts = held ?? [];
      held = null;
      for (const print of texts) print();
    },
  };
}
