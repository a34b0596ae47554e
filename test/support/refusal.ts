import { RollcallError } from '../../domain/exit.ts';

/**
 * What an attempt is refused with.
 * @throws Error where it is not refused, or where the refusal does not say what to do
 */
export async function refusal(attempt: Promise<unknown>): Promise<RollcallError> {
  const error: unknown = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RollcallError)) throw new Error('it was not refused', { cause: error });
  if (error.next === null) throw new Error('the refusal does not say what to do next', { cause: error });
  return error;
}
