/**
 * The doubtful facts: where bitrix24-rest.md says unverified, source only or docs ≠ source, what this portal does is a
 * named trait with a default and its alternatives, each citing the checklist item. Set at construction or by the hook
 * `POST /_portal/traits`. A client has to survive every value.
 */

interface TraitSpec<T extends string | number | boolean> {
  readonly values: readonly [T, ...T[]]
  readonly item: string
  readonly about: string
}

const trait = <const T extends string | number | boolean>(item: string, about: string, ...values: readonly [T, ...T[]]): TraitSpec<T> => ({ values, item, about })

/** The first value is the default. */
export const TRAIT_SPECS = {
  invalidCredentialsStatus: trait('E-1', 'status of INVALID_CREDENTIALS: source, docs', 401, 403),
  insufficientScopeStatus: trait('E-4', 'status of insufficient_scope: source and SDK, docs', 401, 403),
  fileHistory: trait('E-5', 'without history getVersions and restoreFromVersion are unknown methods', true, false),
  falseTextIsTrue: trait('E-6', 'the text "false" as a boolean parameter is true to PHP', true, false),
  negativeStart: trait('E-15', 'start=-1 of disk lists: source counts all the same', 'counts', 'has-no-total'),
  unorderedListing: trait('E-16', 'what comes without `order`', 'shuffled', 'by-id'),
  unknownOrderColumn: trait('E-17', 'what a wrong column in `order` does', 'error', 'ignored'),
  syncTimeOrder: trait('E-17', 'the hidden column SYNC_UPDATE_TIME in `order`: source only', 'accepted', 'unknown'),
  listOperators: trait('E-18', '`@ !@ =% %=` of filters: source drops them, docs know them', 'ignored', 'honoured'),
  batchMissingPath: trait('E-22', 'a $result path that does not exist', 'empty', 'literal'),
  batchErrorsCarryOver: trait('E-23', 'errors of earlier commands stand in the text of later ones', true, false),
  nameCollation: trait('E-29', 'names are compared as MySQL does, or by bytes (PostgreSQL)', 'mysql', 'bytes'),
  dotNames: trait('E-31', 'the names `.` and `..`', 'accepted', 'refused'),
  uploadNames: trait('E-31', 'bad names of uploads: source repairs them', 'repaired', 'refused'),
  zeroName: trait('E-32', 'a rename to "0": empty to PHP, source only', 'empty', 'accepted'),
  emptyContentCode: trait('E-35', '`error` of an upload without content: source, docs', '', 'ERROR_COULD_NOT_SAVE_FILE'),
  emptyMultipartFile: trait('E-36', 'a file of 0 bytes by the multipart form', 'accepted', 'refused'),
  uploadAnswerHasTime: trait('E-36', 'whether the answer of the upload form has `time`: source, docs', false, true),
  versionsAreJoined: trait('E-39', 'versions of one user within 300 s become one', true, false),
  moveIntoLink: trait('E-42', 'moveTo into a link of the same storage', 'copies-and-trashes', 'moves'),
  editorMayDestroy: trait('E-44', 'whether delete and deleteTree take an editor: source wants full access', false, true),
  rootFailureCode: trait('E-45', '`error` of deleting or moving a root: source, docs', '', 'DISK_OBJ_22000'),
  renameSetsUpdateTime: trait('E-48', 'own UPDATE_TIME after a rename: docs, source', true, false),
  restoreSetsParentTime: trait('E-48', 'the folder’s UPDATE_TIME when a child is restored: source leaves it', false, true),
  rangeMode: trait('E-52', 'how downloads treat Range: nginx, PHP, 206 without Content-Range, ignored', 'A', 'B', 'C', 'D'),
  downloadValidators: trait('E-53', 'ETag and Last-Modified on downloads', 'none', 'strong'),
  emptyAgentDownload: trait('E-57', 'a download without User-Agent', 'served', 'nginx-404'),
  nonNumericStorageId: trait('2.3', 'disk.storage.get and addFolder with an id that is no number', 'null', 'not-found'),
} as const

export type TraitName = keyof typeof TRAIT_SPECS
export type Traits = { readonly [Name in TraitName]: (typeof TRAIT_SPECS)[Name]['values'][number] }
export type RangeMode = Traits['rangeMode']

const NAMES = Object.keys(TRAIT_SPECS) as TraitName[]

export const DEFAULT_TRAITS = Object.fromEntries(NAMES.map((name) => [name, TRAIT_SPECS[name].values[0]])) as Traits

/** The traits with changes; throws a RangeError that lists what is allowed. */
export function changeTraits(traits: Traits, changes: Readonly<Record<string, unknown>>): Traits {
  for (const [name, value] of Object.entries(changes)) {
    const spec: TraitSpec<string | number | boolean> | undefined = NAMES.includes(name as TraitName) ? TRAIT_SPECS[name as TraitName] : undefined
    if (spec === undefined) throw new RangeError(`no trait ${name}; there are ${NAMES.join(', ')}`)
    if (!(spec.values as readonly unknown[]).includes(value)) throw new RangeError(`trait ${name} takes ${spec.values.map((each) => JSON.stringify(each)).join(', ')}`)
  }
  return { ...traits, ...changes }
}
