// The moving line: what is being done, how far it is, and what remains, within the width of the terminal. Pure.
import { bytes, count, visible } from '../wording.ts';
import { clip, columnsOf } from './text.ts';

/** How far a piece of work is. */
export interface Progress {
  /** What is being done, such as "scanning /srv/data". */
  readonly doing: string;
  readonly files: number;
  readonly bytes: number;
  /** Files in all, where an earlier scan tells; null where nobody knows. */
  readonly filesExpected: number | null;
  /** More than there can be, where nobody knows better: what the file system has in use. */
  readonly atMost?: { readonly files: number | null; readonly bytes: number } | null;
  /** A file that takes long: its path, its size, and how much of it was read. */
  readonly slow?: { readonly path: string; readonly size: number; readonly read: number } | null;
}

/** Of what is being done, at least this much is shown where the terminal has room for it. */
const DOING_MIN = 12;

/** "1 h 05 min", "3 min 20 s", "12 s". */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** What remains at the rate so far. A guess after a moment would jump about. */
function remaining(progress: Progress, seconds: number): string | null {
  const { files, filesExpected, atMost = null } = progress;
  if (seconds <= 2) return null;
  const left = (done: number, all: number): number => (done > 0 && all > done ? ((all - done) / done) * seconds : 0);
  if (filesExpected !== null) {
    const expected = left(files, filesExpected);
    return expected > 0 ? `about ${duration(expected * 1000)} left` : null;
  }
  if (atMost === null) return null;
  // Neither all inodes nor all bytes need to be below this root, so the nearer end of the two is still more than it can
  // take.
  const ends = [left(progress.bytes, atMost.bytes), atMost.files === null ? 0 : left(files, atMost.files)];
  const most = ends.filter((end) => end > 0);
  return most.length === 0 ? null : `at most ${duration(Math.min(...most) * 1000)} left`;
}

/**
 * Files, bytes, rates and what remains, since the work of this name began. What does not fit goes: rates, then bytes,
 * then the middle of the path.
 */
export function progressText(progress: Progress, elapsedMs: number, width = Number.POSITIVE_INFINITY): string {
  const seconds = elapsedMs / 1000;
  const doing = visible(progress.doing);
  const { slow = null } = progress;
  const files = `${count(progress.files)} ${progress.files === 1 ? 'file' : 'files'}`;
  const size = bytes(progress.bytes);
  // What was done when the line was first drawn, over the moment since, is no rate.
  const rates =
    seconds >= 1
      ? [`${count(Math.round(progress.files / seconds))} files/s, ${bytes(Math.round(progress.bytes / seconds))}/s`]
      : [];
  const left = remaining(progress, seconds);
  const end = [
    ...(left === null ? [] : [left]),
    ...(slow === null ? [] : [`reading ${visible(slow.path)} (${bytes(slow.read)} of ${bytes(slow.size)})`]),
  ];
  const forms = [[files, size, ...rates, ...end], [files, size, ...end], [files, ...end], [files]].map((parts) =>
    parts.join(', '),
  );
  const fitting = forms.find((form) => columnsOf(form) + DOING_MIN + 2 <= width) ?? files;
  const room = Math.max(1, width - columnsOf(fitting) - 2);
  return clip(`${clip(doing, room)}: ${fitting}`, width);
}
