/** The tables of a profile's database: of every part that has some. */
import { BRAKE_SCHEMA } from '../brake/brake-rows.js'
import { CACHE_SCHEMA } from '../cache/schema.js'
import { JOURNAL_SCHEMA } from '../journal/journal.js'
import { MIRROR_SCHEMA } from '../mirror/schema.js'

export const SCHEMAS = [MIRROR_SCHEMA, CACHE_SCHEMA, JOURNAL_SCHEMA, BRAKE_SCHEMA]
