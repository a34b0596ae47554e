// What is waited for, and never an answer: a server that restarts, a connection too many, a full disk. The task is
// taken again later, in steps that grow.
import { causesOf } from '../../domain/causes.ts';
import { databaseCode, isTransient } from '../catalog/advice.ts';

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * Classes 53 (no connection, memory or room left) and 57P (shut down, starting), a standby that becomes the primary,
 * what sockets and name servers say of a server that is away, and a thread that cannot start for want of memory.
 */
const DATABASE_AWAY =
  /^53|^57P0|^25006$|^08(?!P01)|^ECONN|^EPIPE$|^ETIMEDOUT$|^EHOSTUNREACH$|^ENETUNREACH$|^EAI_AGAIN$|^ENOTFOUND$|^ERR_WORKER_/;

/** What has no code of its own (a quota), or comes as an internal error. */
const NO_ROOM = /Disk quota exceeded|No space left on device|^timeout expired/;

/** On this machine: room, inodes, quota, open files, memory. */
const ROOM = /^(ENOSPC|EDQUOT|EMFILE|ENFILE|ENOMEM)$/;

/** Whether the same may succeed later with nothing of the task changed. */
export function isDelay(error: unknown): boolean {
  if (isTransient(error)) return true;
  const code = databaseCode(error);
  if (code !== null && (DATABASE_AWAY.test(code) || ROOM.test(code))) return true;
  return [...causesOf(error)].some((at) => ROOM.test(errnoOf(at)) || NO_ROOM.test(at.message));
}

function errnoOf(error: Error): string {
  const { errno } = error as { errno?: unknown };
  return typeof errno === 'string' ? errno : '';
}

/** @param delays how often it was waited for already */
export function delayMs(delays: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(delays, 10));
}
