// What an earlier restore has put beside the names of a volume.
import { baseName, joinPath, parentOf } from '../../domain/path.ts';
import { isBesideName, isBesideOf } from '../../domain/restore/beside.ts';
import { same } from '../../domain/version.ts';
import type { Content } from './asks.ts';
import type { Copies } from './content.ts';

/** Of one directory at a time: findings come sorted by path. */
export class Besides {
  readonly #live: Copies | null;
  #directory: string | null = null;
  #names: readonly string[] = [];

  /** @param live the volume; null where it cannot be opened */
  constructor(live: Copies | null) {
    this.#live = live;
  }

  /** Where the content is beside its path already, under whatever time; null where it is not, or cannot be read. */
  of(path: string, state: Content): string | null {
    const live = this.#live;
    if (live === null) return null;
    const directory = parentOf(path);
    if (this.#directory !== directory) {
      this.#names = live.names(directory).filter(isBesideName);
      this.#directory = directory;
    }
    const name = baseName(path);
    const found = this.#names.find((each) => isBesideOf(each, name) && this.holds(joinPath(directory, each), state));
    return found === undefined ? null : joinPath(directory, found);
  }

  /** Whether the content lies there. A directory is one that is there. */
  holds(path: string, state: Content): boolean {
    const look = this.#live?.read(path);
    return look?.is === 'there' && same(look.state, state);
  }
}
