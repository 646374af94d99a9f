/** All rows, in the order in which they are measured. */
import type { RowGroup } from './bench.js'
import { changeRows, hourRows } from './change-rows.js'
import { downloadRows } from './download-rows.js'
import { largeFileRows } from './large-file-rows.js'
import { listingRows } from './listing-rows.js'
import { manyItemsRows } from './many-items-rows.js'
import { readersRows } from './readers-rows.js'
import { smallFileRows } from './small-file-rows.js'
import { firstByteRows, firstListingRows } from './transfer-rows.js'
import { writingRows } from './writing-rows.js'

export const ROW_GROUPS: readonly RowGroup[] = [
  listingRows,
  largeFileRows,
  smallFileRows,
  writingRows,
  firstByteRows,
  downloadRows,
  firstListingRows,
  readersRows,
  changeRows,
  hourRows,
  manyItemsRows,
]
