/**
 * Everything of a portal that survives a restart when it has a directory: rows, rights, account, application, secret. Loads it, keeps
 * the ledger fed, and sweeps out contents that no row names any more.
 */
import { join } from 'node:path'
import type { Random } from '../base/random.js'
import { Account, type AccountState } from './account.js'
import { Application, freshApplication } from './application.js'
import { Attachments } from './attachments.js'
import { ContentStore } from './content-store.js'
import { lockDirectory } from './directory-lock.js'
import { Ledger, readLedger, type LedgerEntry, type LedgerHeader } from './ledger.js'
import type { PortalTime } from './portal-time.js'
import { Rights } from './rights.js'
import { chooseSeed } from './seeds/choose-seed.js'
import { Heads } from './seeds/heads.js'
import { OWNER_ID } from './seeds/seed.js'
import { Sharings } from './sharings.js'
import type { Traits } from './traits.js'
import { Tree } from './tree.js'

export interface StateSetup {
  readonly dir: string
  /** Whether the directory is to be kept, and so the ledger written. */
  readonly isLasting: boolean
  readonly seed: string
  readonly time: PortalTime
  readonly random: Random
  readonly traits: () => Traits
}

export interface PortalState {
  readonly tree: Tree
  readonly rights: Rights
  readonly account: Account
  readonly application: Application
  readonly contents: ContentStore
  readonly sharings: Sharings
  readonly attachments: Attachments
  readonly secret: string
  close(): Promise<void>
}

const DEFAULT_SCOPES = ['disk', 'user_brief']

/** Fails with `already-running`, `database-damaged`, `usage`. */
export async function openState(setup: StateSetup): Promise<PortalState> {
  const unlock = setup.isLasting ? await lockDirectory(setup.dir) : () => Promise.resolve()
  try {
    return await loaded(setup, unlock)
  } catch (error) {
    await unlock()
    throw error
  }
}

async function loaded(setup: StateSetup, unlock: () => Promise<void>): Promise<PortalState> {
  const { dir, random, traits } = setup
  const heads = new Heads()
  const contents = new ContentStore({ dir: join(dir, 'contents'), random, headBytes: (head) => heads.bytes(head) })
  await contents.prepare()
  let header: LedgerHeader = { portal: 1, seed: setup.seed, madeSec: setup.time.nowSec(), secret: random.hex(32) }
  const earlier: LedgerEntry[] = []
  if (setup.isLasting) {
    await readLedger(
      dir,
      (entry) => earlier.push(entry),
      (read) => {
        header = read
      },
    )
  }
  const ledger = new Ledger(dir)
  const record = (entry: LedgerEntry): void => {
    if (setup.isLasting) ledger.append(entry)
  }
  const fresh: AccountState = { ownerId: OWNER_ID, code: random.hex(8), revoked: false, scopes: DEFAULT_SCOPES, restOnPlan: true, isAdmin: false }
  const account = new Account({
    state: fresh,
    traits,
    record: (state) => {
      record({ account: state })
    },
  })
  const tree = new Tree({
    seed: chooseSeed(header.seed, header.madeSec),
    collation: () => traits().nameCollation,
    record: (steps, counters) => {
      record({ steps, counters })
    },
  })
  const rights = new Rights({
    tree,
    isAdmin: (userId) => userId === OWNER_ID && account.state.isAdmin,
    record: (grant) => {
      record({ grant })
    },
  })
  let applied = freshApplication(random, OWNER_ID)
  const sharings = new Sharings((sharing) => {
    record({ sharing })
  })
  const attachments = new Attachments((attachment) => {
    record({ attachment })
  })
  for (const grant of tree.seed.grants ?? []) rights.replay(grant)
  for (const entry of earlier) {
    if ('steps' in entry) tree.replay(entry.steps, entry.counters)
    else if ('grant' in entry) rights.replay(entry.grant)
    else if ('sharing' in entry) sharings.replay(entry.sharing)
    else if ('attachment' in entry) attachments.replay(entry.attachment)
    else if ('application' in entry) applied = entry.application
    else account.replay(entry.account)
  }
  const application = new Application({
    state: applied,
    secret: header.secret,
    random,
    time: setup.time,
    traits,
    record: (state) => {
      record({ application: state })
    },
  })
  if (setup.isLasting) {
    await ledger.rewrite(header, wholeState({ tree, rights, account, application, sharings, attachments }))
    await contents.keepOnly(new Set(namedBlobs(tree)))
  }
  const close = async (): Promise<void> => {
    ledger.close()
    await unlock()
  }
  return { tree, rights, account, application, contents, sharings, attachments, secret: header.secret, close }
}

const STEPS_A_LINE = 100

function* wholeState({ tree, rights, account, application, sharings, attachments }: Pick<PortalState, 'tree' | 'rights' | 'account' | 'application' | 'sharings' | 'attachments'>): Generator<LedgerEntry> {
  yield { account: account.state }
  yield { application: application.state }
  for (const sharing of sharings.all()) yield { sharing }
  for (const attachment of attachments.all()) yield { attachment }
  for (const grant of rights.grants()) yield { grant }
  let steps = []
  for (const step of tree.steps()) {
    steps.push(step)
    if (steps.length < STEPS_A_LINE) continue
    yield { steps, counters: tree.counters }
    steps = []
  }
  yield { steps, counters: tree.counters }
}

function* namedBlobs(tree: Tree): Generator<string> {
  for (const row of tree.changedRows()) {
    if (row.type !== 'file') continue
    for (const { content } of row.versions) if (content.kind === 'stored') yield content.blob
  }
}
