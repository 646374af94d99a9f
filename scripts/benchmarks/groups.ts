/** All rows, in the order in which they are measured. */
import type { RowGroup } from './bench.js'
import { largeFileRows } from './large-file-rows.js'
import { listingRows } from './listing-rows.js'
import { smallFileRows } from './small-file-rows.js'
import { writingRows } from './writing-rows.js'

export const ROW_GROUPS: readonly RowGroup[] = [listingRows, largeFileRows, smallFileRows, writingRows]
