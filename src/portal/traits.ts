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
  deadCodeError: trait('E-2', 'a code used, expired or unknown', 'invalid_grant', 'bad_verification_code'),
  wrongClientCode: trait('E-2', 'a wrong client_id or client_secret: 400, or seen with 200', 'invalid_client', 'WRONG_CLIENT'),
  oauthErrorCase: trait('E-2', 'case of the codes varies between servers', 'mixed', 'lower', 'upper'),
  firstTokenHasUser: trait('E-2', 'whether `expires` and `user_id` come with the first tokens too', false, true),
  accessOutlivesRefresh: trait('E-2', 'whether an access token lives to its end when its pair was refreshed', true, false),
  redirectAddress: trait('1.3', 'whether a card takes a loopback http address', 'loopback-http', 'https-only'),
  unknownTokenCode: trait('E-3', 'a token that is none', 'invalid_token', 'NO_AUTH_FOUND'),
  removedApplicationCode: trait('E-3', 'a token of an application that was removed', 'APPLICATION_NOT_FOUND', 'authorization_error', 'ERROR_OAUTH'),
  bearerHeader: trait('E-3', 'the Bearer header: source only', 'accepted', 'ignored'),
  bearerLinks: trait('E-51', 'links handed out to a Bearer header: source only', 'without-auth', 'with-auth'),
  insufficientScopeStatus: trait('E-4', 'status of insufficient_scope: source and SDK, docs', 401, 403),
  fileHistory: trait('E-5', 'without history getVersions and restoreFromVersion are unknown methods', true, false),
  falseTextIsTrue: trait('E-6', 'the text "false" as a boolean parameter is true to PHP', true, false),
  envelopeTime: trait('E-8', 'whether answers have `time`: usual in the cloud, not to be required', 'present', 'absent'),
  wholeSeconds: trait('E-8', '`start` and `finish` of `time` as whole numbers', false, true),
  unheardOfFields: trait('2.3', 'fields that no document names, in rows, envelopes and errors', 'none', 'present'),
  portalDeletedStatus: trait('E-10', 'status of PORTAL_DELETED: PHP, docs, SDK', 403, 500, 410),
  slowBodies: trait('E-13', 'whether the 60 s of a request cover the time its body takes: unverified', 'free', 'counted'),
  negativeStart: trait('E-15', 'start=-1 of disk lists: source counts all the same', 'counts', 'has-no-total'),
  unorderedListing: trait('E-16', 'what comes without `order`', 'shuffled', 'by-id'),
  unknownOrderColumn: trait('E-17', 'what a wrong column in `order` does', 'error', 'ignored'),
  syncTimeOrder: trait('E-17', 'the hidden column SYNC_UPDATE_TIME in `order`: source only', 'accepted', 'unknown'),
  listOperators: trait('E-18', '`@ !@ =% %=` of filters: source drops them, docs know them', 'ignored', 'honoured'),
  totalCounts: trait('E-20', '`total` of children: source counts what the caller may see', 'visible', 'all'),
  listingWithoutRight: trait('E-20', 'children of a folder that may not be read: source filters them all away', 'empty', 'denied'),
  batchMissingPath: trait('E-22', 'a $result path that does not exist', 'empty', 'literal'),
  batchErrorsCarryOver: trait('E-23', 'errors of earlier commands stand in the text of later ones', true, false),
  valueTypes: trait('E-24', 'numbers of rows: texts from the database and numbers where just set, or all alike', 'as-source', 'texts', 'numbers'),
  zoneMinutes: trait('E-26', 'the zone of dates, which differs between portals', 180, 0, -300, 345),
  nameCollation: trait('E-29', 'names are compared as MySQL does, with accents told apart, with trailing blanks counted, or by bytes (PostgreSQL)', 'mysql', 'mysql-accents', 'mysql-0900', 'bytes'),
  lostNameRace: trait('E-29', 'a folder whose name another request took in the same seconds: 24.x has a code of its own, source only', 'DISK_OBJ_22000', 'DISK_ONS_22001'),
  dotNames: trait('E-31', 'the names `.` and `..`', 'accepted', 'refused'),
  unsafeMarks: trait('E-31', 'bidirectional and zero-width marks in names: source lists some as unsafe', 'invalid', 'accepted'),
  uploadNames: trait('E-31', 'bad names of uploads: source repairs them', 'repaired', 'refused'),
  zeroName: trait('E-32', 'a rename to "0": empty to PHP, source only', 'empty', 'accepted'),
  emptyNameCode: trait<0 | '0'>('E-32', '`error` of an empty name', 0, '0'),
  emptyContentCode: trait('E-35', '`error` of an upload without content: source, docs', '', 'ERROR_COULD_NOT_SAVE_FILE'),
  emptyMultipartFile: trait('E-36', 'a file of 0 bytes by the multipart form', 'accepted', 'refused'),
  uploadTokens: trait('E-36', 'whether an uploadUrl can be posted to again: source only', 'reusable', 'once'),
  chunkedBodies: trait('E-36', 'a request body without Content-Length: unverified in the cloud', 'accepted', 'refused'),
  uploadAnswerHasTime: trait('E-36', 'whether the answer of the upload form has `time`: source, docs', false, true),
  versionsAreJoined: trait('E-39', 'versions of one user within 300 s become one', true, false),
  keptVersions: trait('E-40', 'plans can cap the versions of a file: source only', 'all', 'three'),
  moveIntoLink: trait('E-42', 'moveTo into a link of the same storage', 'copies-and-trashes', 'moves'),
  moveOfLink: trait('E-42', 'moveTo of a link within its storage: unverified', 'moves', 'result-false'),
  folderRestore: trait('E-43', 'who may restore a folder: source, docs', 'by-right', 'administrators'),
  trashOfLongNames: trait('E-43', 'trashing a name of more than 239 characters, which the suffix makes too long: unverified', 'works', 'fails'),
  foreignTrash: trait('E-43', 'who trashes something of another drive gets a link to it in his own trash: source only', 'leaves-link', 'leaves-nothing'),
  editorMayDestroy: trait('E-44', 'whether delete and deleteTree take an editor: source wants full access', false, true),
  rootFailureCode: trait('E-45', '`error` of deleting or moving a root: source, docs', '', 'DISK_OBJ_22000'),
  renameSetsUpdateTime: trait('E-48', 'own UPDATE_TIME after a rename: docs, source', true, false),
  restoreSetsParentTime: trait('E-48', 'the folder’s UPDATE_TIME when a child is restored: source leaves it', false, true),
  rangeMode: trait('E-52', 'how downloads treat Range: nginx, PHP, 206 without Content-Range, ignored', 'A', 'B', 'C', 'D'),
  downloadValidators: trait('E-53', 'ETag and Last-Modified on downloads', 'none', 'strong', 'weak'),
  compression: trait('E-54', 'a front end that compresses for who accepts it, and then drops length and ranges: unverified', 'never', 'gzip'),
  emptyAgentDownload: trait('E-57', 'a download without User-Agent', 'served', 'nginx-404'),
  downloadRedirect: trait('E-58', 'the body of a download from another host: source has none', 'none', 'other-host'),
  sharingConnects: trait('E-61', 'when a sharing puts the link in place: portals may connect at once', 'after-approval', 'at-once'),
  missingRight: trait('E-62', 'an object that may not be read: reading of O-37', 'denied', 'not-found'),
  nonNumericStorageId: trait('2.3', 'disk.storage.get and addFolder with an id that is no number', 'null', 'not-found'),
  fileSearch: trait('5.3', 'disk.file.search: docs of mid-2026 only', 'known', 'unknown'),
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
