// A volume on file systems that misbehave, and a way to do something to them at a chosen moment of a scan.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Shard } from '../../services/catalog/shards.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import { type Disk, disk } from '../support/disk.ts';
import type { Report } from '../support/answers.ts';
import { run } from '../support/machine.ts';
import { Volume } from '../support/volume.ts';

export class FaultyVolume extends Volume {
  /** Called with each shard before a thread takes it up. */
  onShard: (shard: Shard) => void = () => {};
  notices: string[] = [];

  override tools(night: number, onPhase?: (phase: string) => void): ScanTools {
    const tools = super.tools(night, onPhase);
    const { threads } = tools;
    return {
      ...tools,
      onNotice: (text) => void this.notices.push(text),
      threads: {
        widen: () => false,
        isBroken: () => threads.isBroken(),
        lanes: threads.lanes,
        threads: threads.threads,
        close: () => threads.close(),
        run: (scanId, shard) => {
          this.onShard(shard);
          return threads.run(scanId, shard);
        },
      },
    };
  }

  /** The live tree on a file system of its own, still empty. */
  liveOn(made: Parameters<typeof disk>[1] = {}): Disk {
    const medium = disk(this.base, { ...made, at: this.live });
    this.stamp('', 0);
    return medium;
  }

  /** A tmpfs; the function takes it away, lazily, also while it is used. */
  tmpfs(path: string): () => void {
    const at = join(this.base, path);
    mkdirSync(at, { recursive: true });
    run('mount', '-t', 'tmpfs', 'rollcall-test', at);
    return unmounting(at);
  }

  bind(from: string, to: string): () => void {
    run('mount', '--bind', join(this.base, from), join(this.base, to));
    return unmounting(join(this.base, to));
  }

  /** Some files in some directories: enough for several shards where `each` is large. */
  fill(directories: number, each: number, below = 'rooms'): void {
    for (let d = 0; d < directories; d++)
      for (let f = 0; f < each; f++)
        this.write(`${below}/${d}/file${f}`, `what stands in file ${f} of ${d} `.repeat(3));
  }

  /** What a restoring assessment of an unharmed tree says. */
  quiet(given: Partial<Report>): Report {
    return {
      exit: 0,
      window: 'too few snapshots',
      intervals: [],
      universe: '',
      verdicts: {},
      directories: {},
      recovery: {},
      findings: {},
      lists: null,
      incomplete: [],
      ...given,
    };
  }
}

function unmounting(at: string): () => void {
  let isMounted = true;
  const unmount = (): void => {
    if (isMounted) spawnSync('umount', ['-l', at]);
    isMounted = false;
  };
  onTestFinished(unmount);
  return unmount;
}
