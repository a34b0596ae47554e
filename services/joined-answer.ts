// A host's part of an assessment across hosts: it answers what is asked of its disk.
import { EXIT } from '../domain/exit.ts';
import { countAsks, keepAnswers, openAsks } from './catalog/asks.ts';
import type { TaskOutcome, TaskWork } from './fleet/crew.ts';
import { count } from './report/wording.ts';
import type { TaskTools } from './tasks.ts';

/** Asked of the thread at once. */
const ASKS_AT_ONCE = 200;

/** Answers what was asked of the disk of this host; what was answered by an earlier attempt is not read again. */
export async function answerFor({ db }: TaskTools, { task, reader, signal, say }: TaskWork): Promise<TaskOutcome> {
  const { accepted } = task.reference as unknown as { accepted: { notGluster: boolean; bricksRescued: boolean } };
  const { all, open: unanswered } = await countAsks(db.pool, task.id);
  let answered = all - unanswered;
  let open = await openAsks(db.pool, task.id, ASKS_AT_ONCE);
  while (open.length > 0) {
    signal.throwIfAborted();
    say(`${answered} of ${all}`);
    const answers = await reader().answer(
      open.map(({ question }) => question),
      { accepted, signal },
    );
    await keepAnswers(
      db.pool,
      task.id,
      open.map(({ n }, index) => ({ n, answer: answers[index] ?? '' })),
    );
    answered += open.length;
    open = await openAsks(db.pool, task.id, ASKS_AT_ONCE);
  }
  return { done: { exit: EXIT.nothing, message: `${count(all)} answered`, next: null } };
}
