// What writing a bundle asks of the disk of one host, and what that host answers, as plain data (services/judge/asks.ts
// is the same for judging): sources on the hosts of the backups, and on the volume's host what lies in the way.
import type { State } from '../../domain/assessment.ts';
import type { RootFacts } from './target.ts';
import { type Answer, type Ask, fromText, JUDGING_KINDS } from '../judge/asks.ts';

/** What a content is held against; a digest of null is one that was never read. */
export type Content = Pick<State, 'kind' | 'size' | 'target' | 'rdev' | 'digest'>;

/** A path on a host: root absolute, path below it, both printable. */
interface Where {
  readonly host: string;
  readonly root: string;
  readonly path: string;
}

/** A copy is read: a source, what lies in the way, or the surviving name of a hard link. */
export interface CopyAsk extends Where {
  readonly kind: 'copy';
  /** It fits if it is like each of these. */
  readonly against: readonly Content[];
  /** SHA-256 as well, where it fits and is a file. */
  readonly sha256: boolean;
}

/** Whether an earlier restore has put the content beside its path. */
export interface BesideAsk extends Where {
  readonly kind: 'beside';
  readonly content: Content;
}

/** Whether the content lies at the path. */
export interface HoldsAsk extends Where {
  readonly kind: 'holds';
  readonly content: Content;
}

/** SHA-256 of a file, for names that are links to it. */
export interface Sha256Ask extends Where {
  readonly kind: 'sha256';
}

/** Owner, mode and time of a directory on the way to an entry. */
export interface DirectoryAsk extends Where {
  readonly kind: 'directory';
}

/** By what restore.sh knows the volume, and the room that is left in it. */
export interface TargetAsk {
  readonly kind: 'target';
  readonly host: string;
  readonly root: string;
}

export type ProofAsk = CopyAsk | BesideAsk | HoldsAsk | Sha256Ask | DirectoryAsk | TargetAsk;

export type CopyAnswer = { readonly kind: 'copy' } & (
  | { readonly is: 'no root' }
  | { readonly is: 'absent' }
  | { readonly is: 'blocked' }
  | { readonly is: 'unreadable'; readonly errno: string }
  | {
      readonly is: 'there';
      readonly state: State;
      readonly fits: boolean;
      /** Null where it was not asked, does not fit, is no file, or moved while it was read. */
      readonly sha256: string | null;
      /** Device and inode where other names are links to it. */
      readonly linked: string | null;
      readonly atMs: number;
      readonly bytes: number;
    }
);

/** Of the target's file system. */
export interface Room {
  readonly bytes: number;
  /** Null where the file system does not count them. */
  readonly inodes: number | null;
  readonly block: number;
}

export type ProofAnswer =
  | CopyAnswer
  | { readonly kind: 'beside'; readonly at: string | null }
  | { readonly kind: 'holds'; readonly holds: boolean }
  | { readonly kind: 'sha256'; readonly sha256: string | null }
  | { readonly kind: 'directory'; readonly state: State | null }
  | {
      readonly kind: 'target';
      readonly facts: RootFacts | null;
      readonly room: Room | null;
    };

/** Everything that may be asked of a host, and its answers. */
export type AnyAsk = Ask | ProofAsk;
export type AnyAnswer = Answer | ProofAnswer;

export const PROOF_KINDS: readonly ProofAsk['kind'][] = ['copy', 'beside', 'holds', 'sha256', 'directory', 'target'];
const ALL_KINDS: readonly AnyAsk['kind'][] = [...JUDGING_KINDS, ...PROOF_KINDS];

export function isProofAsk(ask: AnyAsk): ask is ProofAsk {
  return PROOF_KINDS.some((kind) => kind === ask.kind);
}

export function anyAskFromText(text: string): AnyAsk {
  return fromText<AnyAsk>(text, ALL_KINDS);
}

export function anyAnswerFromText(text: string): AnyAnswer {
  return fromText<AnyAnswer>(text, ALL_KINDS);
}

export function contentOf({ kind, size, target, rdev, digest }: State): Content {
  return { kind, size, target, rdev, digest };
}
