// Who answers what is asked of a disk: this process where it is its own host, else what other hosts have answered
// before. What nobody has answered is collected, and whoever judges comes back with it.
import { type Answer, type Ask, type AnswerTo, type CopiesAnswer, keyOf, type ReadAnswer } from './asks.ts';

/** What other hosts have answered in the rounds before. */
export interface Answered {
  /** By keyOf(ask). */
  readonly answers: ReadonlyMap<string, Answer>;
  /** Hosts that do not answer: what only they can tell stays unknown. */
  readonly silent: ReadonlySet<string>;
  /** No further round: what is not answered by now stays unknown. */
  readonly isLast: boolean;
}

/** Rounds of asking other hosts, after which what is still unknown stays unknown. */
export const ROUNDS_MAX = 4;

/** What is asked of other hosts, by host. */
export type Wanted<A = Ask> = ReadonlyMap<string, readonly A[]>;

/** What was asked of a host and not answered. */
export interface Unanswered {
  readonly host: string;
  readonly copies: number;
  readonly looks: number;
}

/** What a question comes to: an answer, or wanted (it was not asked yet), or unanswered (it never will be). */
export type Outcome<A> = A | 'wanted' | 'unanswered';

interface AnsweredBy<B> {
  readonly answers: ReadonlyMap<string, B>;
  readonly silent: ReadonlySet<string>;
  readonly isLast: boolean;
}

/** The questions of one run of judging, or of writing a bundle. */
export class Hosts<
  A extends { readonly kind: string; readonly host: string } = Ask,
  B extends { readonly kind: string } = Answer,
> {
  /** Of this process: what lies there is asked of the disk. Null where every host is asked, this one too. */
  readonly own: string | null;
  readonly #answered: AnsweredBy<B>;
  /** Of the copies that were read before they were wanted. */
  readonly #ahead: ReadonlyMap<string, ReadAnswer>;
  readonly #wanted = new Map<string, Map<string, A>>();
  readonly #unanswered = new Map<string, Map<string, A>>();

  /** @param answered null where nobody else is asked: then what lies on other hosts stays unknown */
  constructor(own: string | null, answered: AnsweredBy<B> | null) {
    this.own = own;
    this.#answered = answered ?? { answers: new Map(), silent: new Set(), isLast: true };
    const ahead = [...this.#answered.answers.values()].flatMap((answer) => (isCopies(answer) ? answer.read : []));
    this.#ahead = new Map(ahead.map(({ key, answer }) => [key, answer]));
  }

  /** Of an ask to another host. */
  find<Q extends A>(ask: Q): Outcome<AnswerTo<Q, B>> {
    const { answers, silent, isLast } = this.#answered;
    const key = keyOf(ask);
    const answer: { readonly kind: string } | undefined = answers.get(key) ?? this.#ahead.get(key);
    if (answer !== undefined) {
      if (answer.kind !== ask.kind) throw new Error(`${ask.kind} was answered with ${answer.kind}`);
      return answer as AnswerTo<Q, B>;
    }
    const unknown = isLast || silent.has(ask.host);
    keep(unknown ? this.#unanswered : this.#wanted, ask.host, key, ask);
    return unknown ? 'unanswered' : 'wanted';
  }

  /** Asks for what may be wanted in the next round. */
  ahead(ask: A): void {
    const { answers, silent, isLast } = this.#answered;
    const key = keyOf(ask);
    if (!isLast && !silent.has(ask.host) && !answers.has(key)) keep(this.#wanted, ask.host, key, ask);
  }

  get isWanted(): boolean {
    return this.#wanted.size > 0;
  }

  wanted(): Wanted<A> {
    return new Map([...this.#wanted].map(([host, asks]) => [host, [...asks.values()]]));
  }

  unanswered(): Unanswered[] {
    return [...this.#unanswered].map(([host, asks]) => {
      const kinds = [...asks.values()].map(({ kind }) => kind);
      const looks = kinds.filter((kind) => kind === 'look').length;
      return { host, looks, copies: kinds.filter((kind) => kind !== 'look' && kind !== 'mount').length };
    });
  }
}

function isCopies(answer: { readonly kind: string }): answer is CopiesAnswer {
  return answer.kind === 'copies';
}

function keep<A>(kept: Map<string, Map<string, A>>, host: string, key: string, ask: A): void {
  const asks = kept.get(host);
  if (asks === undefined) kept.set(host, new Map([[key, ask]]));
  else asks.set(key, ask);
}
