/**
 * What opens a portal to calls: a webhook, or the tokens of an application (bitrix24-rest.md section 1). Says where calls
 * go and what they carry, and takes its secret out of text.
 */

export interface Access {
  readonly kind: AccessKind
  /** `https://acme.bitrix24.com`, without a trailing slash. */
  readonly origin: string
  /** Host and port: names the portal, holds no secret. */
  readonly host: string
  /** Where a method is called. May carry the secret. */
  methodUrl(method: string): string
  /** What a request to this address has to carry; nothing where the address is not the portal's own. */
  headersFor(url: URL): Readonly<Record<string, string>>
  /** The same access on a portal that changed its address (1.7). */
  movedTo(origin: string): Access
  /** The text without the secret, wherever it stands. */
  scrub(text: string): string
  /** Where the secret runs out and can be had anew. */
  readonly renewal: Renewal | undefined
}

export type AccessKind = 'webhook' | 'application'

/** Tokens that run out. Everybody who waits for the same new token waits for one request. */
export interface Renewal {
  /** Counts the tokens: names the one that is presented now. */
  readonly serial: number
  /** At once, unless the token of now is known to be refused: then as `renew`. */
  prepare(signal: AbortSignal | undefined): Promise<void>
  /**
   * The portal refused token `serial`. Resolves when another may be presented, and that one is stored to last. `bad-credentials` when
   * there will be none, `offline` when the authorization server cannot be asked.
   */
  renew(serial: number, signal: AbortSignal | undefined): Promise<void>
  /** The portal refused token `serial` for good: before the next call it is looked whether a person has connected again. */
  doubt(serial: number): void
  /** The portal took token `serial`. */
  accepted(serial: number): void
  /** Whether an address that the portal gave holds a token of its own, and so dies with that. */
  isBound(url: URL): boolean
  /** Resolves when no renewal is under way, and begins none: a pair on its way is waited for, but not for long. */
  close(): Promise<void>
}

/** What to do about an application's access that has ended. */
export function connectAgain(host: string): string {
  return `connect again with "elastic-drive connect --oauth ${host}"; what was not sent yet is kept`
}
