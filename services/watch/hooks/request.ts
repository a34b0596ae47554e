// The form of what hooks send over HTTP, whichever template made it.

export interface HookRequest {
  readonly method: 'POST' | 'PUT';
  readonly url: URL;
  /** Names in lower case. Values are ours, or secrets without line ends. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What went wrong with one attempt, without anything secret: it is kept with the message. */
export class NotDelivered extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'NotDelivered';
  }
}
