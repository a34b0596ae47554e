// What is asked for where live and backup lie on several hosts. Plain JSON: a task keeps it.
import type { PartRequest } from './typed/asked.ts';
import type { AssessOptions } from './assess.ts';

/** One live volume and its backups, each on its host. */
export interface JoinedRequest extends AssessOptions {
  readonly live: { readonly host: string; readonly path: string };
  readonly backups: readonly {
    readonly host: string;
    readonly pattern: string;
    /** Those of the request unless given. */
    readonly tz?: string | null;
    readonly snapshotsMax?: number | null;
  }[];
  readonly part: PartRequest | null;
  /** The words that run Rollcall where it was asked. */
  readonly program: string;
  /** Where a worker writes the bundle; null where whoever asked writes it. */
  readonly out: {
    readonly host: string;
    readonly directory: string;
    /** The directory that it goes into is made where it is not there. */
    readonly makesParent?: true;
  } | null;
}
