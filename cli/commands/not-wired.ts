// A command whose use case is not connected yet says so; it never pretends.
import { RollcallError, type ExitCode } from '../../domain/exit.ts';

export function notWired(name: string, _args: unknown): Promise<ExitCode> {
  return Promise.reject(new RollcallError(`${name} is not wired yet`));
}
