// The demo told in steps: what happened, and the command that answers it. Pure: whoever runs the commands prints their
// output in between.
import { shellWord } from '../report/wording.ts';
import type { DemoDamage } from './damage.ts';
import type { DemoTree } from './school.ts';

/**
 * One step: a title, what a person should know, and the command as it could be typed; null where something happens to
 * the files.
 */
export interface DemoStep {
  readonly title: string;
  readonly lines: readonly string[];
  readonly command: string | null;
}

export interface DemoPlaces {
  /** How Rollcall is called here: './rollcall'. */
  readonly program: string;
  readonly bundle: string;
  /** The copy of the damaged tree that is restored. */
  readonly copy: string;
}

/** Before the damage: what there is, and a roll call that finds nothing wrong. */
export function healthySteps(demo: DemoTree, places: DemoPlaces): DemoStep[] {
  return [
    {
      title: 'A school, and a week of nightly snapshots',
      lines: [
        `${demo.files} files, ${demo.nights.length} snapshots as rsync --link-dest makes them. People wrote, renamed and deleted files.`,
      ],
      command: null,
    },
    {
      title: 'In the afternoon Rollcall looks: nothing is lost',
      lines: [
        'People deleted files during the week, which is ordinary. The new files of today are not in a snapshot yet.',
      ],
      command: assessCommand(demo, places),
    },
  ];
}

/** The damage, and what a comparison with the newest snapshot sees of it. */
export function damageSteps(demo: DemoTree, damage: DemoDamage): DemoStep[] {
  const lost = damage.lostEarly.length + damage.lostLate.length;
  return [
    {
      title: 'A rebalance crashes, and keeps removing files. There is no alarm',
      lines: [
        `${damage.lostEarly.length} files vanish. The nightly job runs as usual and carries the loss into the newest snapshot.`,
        `Then ${damage.lostLate.length} more vanish. The directories keep their times. ${damage.zeroed.length} files now hold only zeros (one of them in the`,
        `newest snapshot, too), one file has a flipped byte and its old time, and ${damage.lostForGood.length} of today's new files are gone.`,
        `Meanwhile people rename ${damage.renamed.length} files.`,
      ],
      command: null,
    },
    {
      title: 'What a comparison with the newest snapshot sees',
      lines: [
        `It sees ${damage.lostLate.length} of ${lost} losses, takes the ${damage.renamed.length} renamed files for lost, and finds damage only by reading everything:`,
      ],
      command: `rsync -rln --ignore-existing --out-format=%n ${shellWord(damage.newest)}/ ${shellWord(demo.live)}/ | grep -vc '/$'`,
    },
  ];
}

export function assessStep(demo: DemoTree, places: DemoPlaces): DemoStep {
  return {
    title: 'Rollcall knows the whole week',
    lines: [],
    command: assessCommand(demo, places, places.bundle),
  };
}

/** Dry run, restore and proof, on a copy of the damaged tree. */
export function restoreSteps(demo: DemoTree, places: DemoPlaces): DemoStep[] {
  const script = `sh ${shellWord(places.bundle)}/restore.sh`;
  const copy = shellWord(places.copy);
  return [
    {
      title: 'A copy of the damaged tree, for trying the restore',
      lines: [],
      command: `cp -a ${shellWord(demo.live)} ${copy}`,
    },
    {
      title: 'The restore: missing files come back; damaged files are replaced, and kept in evidence/',
      lines: [
        'Without --apply the same command shows what it would do. Some files vanished from directories in which people worked that day, and',
        'may have been deleted on purpose. --uncertain brings them back, too.',
      ],
      command: `${script} --apply --damaged --uncertain ${copy}`,
    },
    {
      title: 'The proof: every restored file is read again',
      lines: [],
      command: `${places.program} verify ${shellWord(places.bundle)} ${copy}`,
    },
  ];
}

/** What cannot be shown by a listing, said at the end. */
export function lastWords(damage: DemoDamage): string[] {
  return [
    `The ${damage.lostForGood.length} files of the last day are lost for good: no snapshot ever held them. Rollcall can name them only because it`,
    'looked in the afternoon. A file that is made and lost between two looks is never seen, and nobody can list it.',
  ];
}

function assessCommand(demo: DemoTree, places: DemoPlaces, out: string | null = null): string {
  const bundle = out === null ? '' : ` --out ${shellWord(out)}`;
  return `${places.program} assess --live ${shellWord(demo.live)} --backup '${demo.pattern.replaceAll("'", `'\\''`)}'${bundle}`;
}
