// What looks at the bricks of a volume on several hosts outside of a thread that may stand still: it is begun again
// with each answer, until all that it needs is there.
import { reachingHosts, silent } from '../files/elsewhere.ts';
import { FileError } from '../files/errors.ts';
import { isOnHosts } from '../../domain/gluster/named.ts';
import type { ThreadPool } from './pool.ts';

/** Not a failure of what looks: it is caught here alone. */
class AnswerWanted extends Error {
  readonly host: string;
  readonly question: string;

  constructor(host: string, question: string) {
    super(`an answer of ${host} is wanted`);
    this.host = host;
    this.question = question;
  }
}

export interface AskingTools {
  readonly host: string;
  readonly threads?: Pick<ThreadPool, 'callHost'>;
}

/**
 * @param root of the volume; where it is of one host, `act` just runs
 * @param act looks, and changes nothing
 */
export async function askingHosts<T>({ host, threads }: AskingTools, root: string, act: () => T): Promise<T> {
  const call = threads?.callHost ?? null;
  if (call === null || !isOnHosts(root)) return act();
  const answers = new Map<string, string | FileError>();
  for (;;) {
    try {
      return reachingHosts({ host, ask: (other, question) => known(answers, other, question) }, act);
    } catch (error) {
      if (!(error instanceof AnswerWanted)) throw error;
      answers.set(keyOf(error.host, error.question), await answered(call, error));
    }
  }
}

function known(answers: ReadonlyMap<string, string | FileError>, host: string, question: string): string {
  const answer = answers.get(keyOf(host, question));
  if (answer === undefined) throw new AnswerWanted(host, question);
  if (answer instanceof FileError) throw answer;
  return answer;
}

async function answered(
  call: NonNullable<ThreadPool['callHost']>,
  { host, question }: AnswerWanted,
): Promise<string | FileError> {
  try {
    return await call(host, question);
  } catch (error) {
    return silent(host, error);
  }
}

function keyOf(host: string, question: string): string {
  return `${host}\0${question}`;
}
