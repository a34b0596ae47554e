// What is waited for, and never an answer: a server that restarts, a connection too many, a full disk. The task is
// taken again later, in steps that grow.
import { databaseCode, isTransient } from '../catalog/advice.ts';

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * Classes 53 (no connection, memory or room left) and 57P (shut down, starting), a standby that becomes the primary,
 * and what the sockets say of a server that is away.
 */
const DATABASE_AWAY = /^53|^57P0|^25006$|^08|^ECONN|^EPIPE$|^ETIMEDOUT$|^EHOSTUNREACH$|^ENETUNREACH$|^EAI_AGAIN$/;

/** On this machine: room, inodes, quota, open files, memory. */
const ROOM = /^(ENOSPC|EDQUOT|EMFILE|ENFILE|ENOMEM)$/;

/** Whether the same may succeed later with nothing of the task changed. */
export function isDelay(error: unknown): boolean {
  if (isTransient(error)) return true;
  const code = databaseCode(error);
  return (code !== null && (DATABASE_AWAY.test(code) || ROOM.test(code))) || ROOM.test(errnoName(error));
}

function errnoName(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    const { errno } = at as { errno?: unknown };
    if (typeof errno === 'string') return errno;
  }
  return '';
}

/** @param delays how often it was waited for already */
export function delayMs(delays: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(delays, 10));
}
