/**
 * A first contact with a portal: tries every doubtful fact that can be tried without harm, one after the other, in a
 * scratch folder of the account's own drive, and tells what held (DESIGN.md R21).
 */
import { DriveError, errorText, hasCode } from '../../base/errors.js'
import { ANSWER_PROBES } from './answer-probes.js'
import { CHANGE_PROBES } from './change-probes.js'
import { DOWNLOAD_PROBES } from './download-probes.js'
import type { Probe, TraitValue, Untried } from './probe.js'
import { Scratch, type ScratchOptions } from './scratch.js'

export const PROBES: readonly Probe[] = [...ANSWER_PROBES, ...CHANGE_PROBES, ...DOWNLOAD_PROBES]

const WOULD_LOOK_LIKE_ATTACK = 'would need calls with a wrong secret, which a portal may take for an attack'
const WOULD_END_ACCESS = 'would need a new authorization by a person'

export const UNTRIED: readonly Untried[] = [
  { trait: 'invalidCredentialsStatus', item: 'E-1', why: WOULD_LOOK_LIKE_ATTACK },
  { trait: 'deadCodeError', item: 'E-2', why: WOULD_END_ACCESS },
  { trait: 'wrongClientCode', item: 'E-2', why: WOULD_LOOK_LIKE_ATTACK },
  { trait: 'oauthErrorCase', item: 'E-2', why: WOULD_LOOK_LIKE_ATTACK },
  { trait: 'firstTokenHasUser', item: 'E-2', why: WOULD_END_ACCESS },
  { trait: 'accessOutlivesRefresh', item: 'E-2', why: WOULD_END_ACCESS },
  { trait: 'redirectAddress', item: '1.3', why: 'is seen only where an application is made, on the web' },
  { trait: 'unknownTokenCode', item: 'E-3', why: WOULD_LOOK_LIKE_ATTACK },
  { trait: 'removedApplicationCode', item: 'E-3', why: 'would need an application to be removed' },
  { trait: 'bearerHeader', item: 'E-3', why: 'is tried by "connect --oauth", and means nothing to a webhook' },
  { trait: 'bearerLinks', item: 'E-51', why: 'means nothing to a webhook; both are understood' },
  { trait: 'insufficientScopeStatus', item: 'E-4', why: 'would need a permission to be taken away' },
  { trait: 'wholeSeconds', item: 'E-8', why: 'is read the same way by the client' },
  { trait: 'unheardOfFields', item: '2.3', why: 'is passed over by the client' },
  { trait: 'portalDeletedStatus', item: 'E-10', why: 'would need a portal that was deleted' },
  { trait: 'slowBodies', item: 'E-13', why: 'would hold a connection for more than a minute' },
  { trait: 'totalCounts', item: 'E-20', why: 'would need a folder of somebody else' },
  { trait: 'listingWithoutRight', item: 'E-20', why: 'would need a folder of somebody else' },
  { trait: 'lostNameRace', item: 'E-29', why: 'would need two requests at the same moment' },
  { trait: 'emptyNameCode', item: 'E-32', why: 'is read the same way by the client' },
  { trait: 'uploadTokens', item: 'E-36', why: 'is never used twice by the client' },
  { trait: 'chunkedBodies', item: 'E-36', why: 'is never sent by the client' },
  { trait: 'keptVersions', item: 'E-40', why: 'would need versions that are more than five minutes apart' },
  { trait: 'moveOfLink', item: 'E-42', why: 'would need a folder of somebody else' },
  { trait: 'foreignTrash', item: 'E-43', why: 'would need a folder of somebody else' },
  { trait: 'compression', item: 'E-54', why: 'is never asked for by the client' },
  { trait: 'downloadRedirect', item: 'E-58', why: 'is followed by the client in any case' },
  { trait: 'sharingConnects', item: 'E-61', why: 'would invite somebody' },
  { trait: 'missingRight', item: 'E-62', why: 'would need a folder of somebody else' },
  { trait: 'moveIntoLink', item: 'E-42', why: 'would need a folder of somebody else' },
  { trait: 'editorMayDestroy', item: 'E-44', why: 'would need a folder of somebody else' },
  { trait: 'rootFailureCode', item: 'E-45', why: 'would try to delete the root of the drive' },
]

export interface Found {
  readonly trait: string
  readonly item: string
  readonly about: string
  /** Null when the portal's answers did not tell. */
  readonly value: TraitValue | null
  /** Why there is no value. */
  readonly problem: string | null
}

export interface LiveFindings {
  readonly folder: string
  readonly found: readonly Found[]
}

export interface LiveCheckOptions extends ScratchOptions {
  /** Before each probe: so many of so many are done. */
  readonly onProgress?: (done: number, count: number) => void
}

/** Throws when the scratch folder cannot be made or the portal is lost on the way; the folder is trashed in any case. */
export async function checkLive(options: LiveCheckOptions): Promise<LiveFindings> {
  return Scratch.use(options, async (scratch) => {
    const found: Found[] = []
    for (const [done, probe] of PROBES.entries()) {
      options.onProgress?.(done, PROBES.length)
      found.push(await tryOne(probe, scratch))
    }
    return { folder: scratch.folderName, found }
  })
}

async function tryOne({ trait, item, about, run }: Probe, scratch: Scratch): Promise<Found> {
  try {
    const value = await run(scratch)
    return { trait, item, about, value: value ?? null, problem: value === undefined ? 'its answers did not tell' : null }
  } catch (error) {
    // One fact that cannot be tried says nothing against the others; a portal that is gone does.
    if (!(error instanceof DriveError) || hasCode(error, 'offline', 'deadline', 'cancelled', 'bad-credentials', 'missing-scope')) throw error
    return { trait, item, about, value: null, problem: errorText(error) }
  }
}
