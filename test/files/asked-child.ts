// What this room answers to a process that is not the test's: another user, one without rights, or one in a mount
// namespace of its own. Arguments: the question, and its paths. Prints a line for each answer.
import type { RollcallError } from '../../domain/exit.ts';
import { refuseBrick } from '../../services/files/looking.ts';
import { localOffsets } from '../../services/files/zone.ts';
import { checkLive } from '../../services/typed/inputs.ts';

const [question, ...paths] = process.argv.slice(2);

function answer(ask: () => void): void {
  try {
    ask();
    console.log('accepted');
  } catch (error) {
    const { exit, message, next } = error as RollcallError;
    console.log(exit, message, next);
  }
}

if (question === 'live as nobody') {
  process.seteuid?.(65_534);
  for (const path of paths)
    answer(
      () =>
        void checkLive(path, {
          cwd: '/',
          crossMounts: false,
          newState: false,
          notGluster: false,
          bricksRescued: false,
        }),
    );
}
if (question === 'brick') for (const path of paths) answer(() => refuseBrick([path]));
if (question === 'offset') console.log(localOffsets()(Number(paths[0])));
