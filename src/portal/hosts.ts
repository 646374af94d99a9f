/**
 * The names the portal goes by (E-9, E-58): the address it listens on, the one it was renamed to, and the other host that
 * bodies of downloads may come from. One listener serves them all and tells them apart by `Host`.
 */

export class Hosts {
  readonly #listening: () => string
  #renamedTo: string | undefined

  /** `listening`: the first address, without a trailing slash; known once the portal listens. */
  constructor(listening: () => string) {
    this.#listening = listening
  }

  /** A host name, with a port of its own or without, or a whole origin; undefined takes the rename back. */
  rename(to: string | undefined): void {
    if (to !== undefined) withHost(this.#listening(), to)
    this.#renamedTo = to
  }

  /** The address that the portal gives as its own. */
  address(): string {
    return this.#renamedTo === undefined ? this.#listening() : withHost(this.#listening(), this.#renamedTo)
  }

  /** Where a request that still came to an old name has to go (1.7); undefined when it is right here. */
  movedTo(host: string | undefined, pathAndQuery: string): string | undefined {
    return this.#renamedTo === undefined || host === new URL(this.address()).host ? undefined : this.address() + pathAndQuery
  }

  /** The other host: a name of the same machine that is not the portal's. */
  blobOrigin(): string {
    return withHost(this.#listening(), new URL(this.address()).hostname === 'localhost' ? '127.0.0.1' : 'localhost')
  }
}

function withHost(address: string, host: string): string {
  const url = new URL(host.includes('://') ? host : `${new URL(address).protocol}//${host}`)
  if (url.port === '' && !host.includes('://')) url.port = new URL(address).port
  return url.origin
}
