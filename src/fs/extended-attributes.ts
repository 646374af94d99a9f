/**
 * Extended attributes: those of programs are kept here (the portal cannot store them), and `user.elastic-drive.*` tells
 * how an item stands (DESIGN.md section 2). Only `.pinned` of these can be written. They are answered by name and never
 * listed: what copies attributes would carry them to where they are not true, fail at those that cannot be written, and
 * wait for the portal at each `.url`.
 */
import { DriveError } from '../base/errors.js'
import { askedId } from '../mirror/connected-rows.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import type { SetXattrFlags } from './operations.js'

const OWN_PREFIX = 'user.elastic-drive.'
const OWN_NAMES = ['state', 'pinned', 'id', 'version', 'url'] as const
type OwnName = (typeof OWN_NAMES)[number]

const LONGEST_VALUE_BYTES = 65_536 // XATTR_SIZE_MAX of the kernel

export interface ExtendedAttributesOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly stateOf: (item: Item) => Promise<string>
  /** The page of the item on the web, undefined while the portal does not have it. */
  readonly urlOf: (item: Item, signal: AbortSignal) => Promise<string | undefined>
  readonly setPinned: (item: Item, pinned: boolean) => Promise<void>
}

export class ExtendedAttributes {
  readonly #options: ExtendedAttributesOptions

  constructor(options: ExtendedAttributesOptions) {
    this.#options = options
  }

  /** Of `.url` alone the portal is asked; the signal ends that. */
  async get(item: Item, name: string, signal: AbortSignal): Promise<Uint8Array> {
    const own = ownName(name)
    const value = own === undefined ? await this.#stored(item, name) : await this.#own(item, own, signal)
    if (value === undefined) throw new DriveError('no-attribute', 'no such extended attribute')
    return typeof value === 'string' ? Buffer.from(value) : value
  }

  async list(item: Item): Promise<readonly string[]> {
    return [...(await this.#options.mirror.xattrs(item.ino)).keys()]
  }

  async set(item: Item, name: string, value: Uint8Array, flags: SetXattrFlags): Promise<void> {
    if (name === `${OWN_PREFIX}pinned`) {
      await this.#options.setPinned(item, pinnedValue(value))
      return
    }
    this.#checkWritable(name)
    if (value.length > LONGEST_VALUE_BYTES) throw new DriveError('range', 'the value is too long')
    const exists = (await this.#options.mirror.xattrs(item.ino)).has(name)
    if (flags.create && exists) throw new DriveError('exists', 'the extended attribute is there already')
    if (flags.replace && !exists) throw new DriveError('no-attribute', 'no such extended attribute')
    const copy = Uint8Array.from(value) // the request's buffer is gone when the transaction runs
    await this.#options.store.transact((tx) => this.#options.mirror.setXattr(tx, item.ino, name, copy))
  }

  async remove(item: Item, name: string): Promise<void> {
    if (name === `${OWN_PREFIX}pinned`) {
      await this.#options.setPinned(item, false)
      return
    }
    this.#checkWritable(name)
    if (!(await this.#options.mirror.xattrs(item.ino)).has(name)) throw new DriveError('no-attribute', 'no such extended attribute')
    await this.#options.store.transact((tx) => this.#options.mirror.removeXattr(tx, item.ino, name))
  }

  /** Only `user.*`: capabilities, ACLs and labels would promise what the portal cannot keep. */
  #checkWritable(name: string): void {
    if (!name.startsWith('user.')) throw new DriveError('unsupported', 'only user.* extended attributes are kept')
    if (name.startsWith(OWN_PREFIX)) throw new DriveError('not-permitted', 'this attribute can only be read')
  }

  async #stored(item: Item, name: string): Promise<Uint8Array | undefined> {
    if (!name.startsWith('user.')) return undefined // the kernel asks for security.capability at each write
    return (await this.#options.mirror.xattrs(item.ino)).get(name)
  }

  async #own(item: Item, name: OwnName, signal: AbortSignal): Promise<string | undefined> {
    switch (name) {
      case 'state':
        return this.#options.stateOf(item)
      case 'pinned':
        return item.pinned ? '1' : '0'
      case 'id':
        return item.base === null ? undefined : askedId(item.base)
      case 'version':
        return item.base === null || item.kind === 'folder' ? undefined : String(item.base.version)
      case 'url':
        return this.#options.urlOf(item, signal)
    }
  }
}

function ownName(name: string): OwnName | undefined {
  if (!name.startsWith(OWN_PREFIX)) return undefined
  const rest = name.slice(OWN_PREFIX.length)
  return OWN_NAMES.find((own) => own === rest)
}

function pinnedValue(value: Uint8Array): boolean {
  const text = Buffer.from(value).toString().trim()
  if (text === '1' || text === 'true') return true
  if (text === '0' || text === 'false') return false
  throw new DriveError('invalid', 'pinned is 1 or 0')
}
