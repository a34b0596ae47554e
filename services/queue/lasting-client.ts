// A connection for those who keep a pool of their own: BullMQ.
import { Client, type ClientConfig } from 'pg';

/**
 * A server that is killed is told of more than once by each connection, and whoever has it of the pool hears the first
 * time only: the second would end the process.
 */
export class LastingClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
